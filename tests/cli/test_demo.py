"""What `awsenv demo` shows before its shell starts."""

from __future__ import annotations

import re

from awsenv.cli.demo import TOUR


def test_the_tour_is_a_table() -> None:
    """The tour fits a terminal of 80 columns, and the descriptions of its commands are aligned."""
    first, *lines = TOUR.splitlines()
    columns = {match.end() for line in lines if (match := re.match(r".*\S?  +(?=\S)", line)) and match.end() > 2}

    assert max(map(len, [first, *lines])) <= 80
    assert {42} == columns
