"""Roles in jobs without a terminal."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cookbook import recipe

if TYPE_CHECKING:
    from recipes.conftest import Reader


def test_a_job_uses_the_session_that_is_held(reader: Reader) -> None:
    """After `login` by hand, a job has a role without a code."""
    reader.write("report.sh", '#!/bin/sh\necho "$AWSENV_ROLE_NAME"\n')

    shown = reader.run(recipe("job").replace("123456", reader.code()))

    assert "read-only" == shown.splitlines()[-1]


def test_a_step_of_github_actions_gives_the_role_to_the_next(reader: Reader) -> None:
    """The step masks the keys, and writes the role to the file that the runner reads."""
    (command,) = re.findall(r"^- run: (.*)$", recipe("github"), re.MULTILINE)
    job = reader.write("set_env", "")

    masks = reader.run(command, GITHUB_ENV=str(job)).splitlines()

    assert ["::add-mask::"] * 3 == [line[:12] for line in masks]
    assert {"AWS_ACCESS_KEY_ID<<AWSENV", "AWS_SESSION_TOKEN<<AWSENV"} <= {*job.read_text().splitlines()}
