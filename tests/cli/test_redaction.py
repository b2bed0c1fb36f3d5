"""Tests of what history and notebooks keep of a cell: no MFA code and no external id."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from awsenv.cli.redaction import without_secrets

KEPT = [
    "%awsenv",
    "%awsenv power-user",
    "%awsenv -",
    "%awsenv off",
    "%awsenv list prod",
    "%awsenv power-user --region eu-west-1 --duration 3600",
    "%awsenv power-user --external-id -",
    "%awsenv power-user {code}",
    "%awsenv power-user $code --external-id {ids['prod']}",
    "!awsenv power-user $(mfa-code) && aws s3 ls",
    "!awsenv exec power-user -- echo 123456",
    "!awsenv exec power-user echo 123456",
    "!awsenv setup power-user ci:ReadOnlyAccess",
    "awsenv in 123456",
    "awsenv = 123456",
    "import awsenv\nawsenv.session('power-user', code='123456')",
    "x = 123456",
    "!pip install awsenv boto3 pandas",
    "%pip install awsenv 123456",
    '!git commit -m "awsenv power users 123456"',
    'log.info("%s awsenv started in %d", a, b)',
    'get_ipython().run_line_magic("awsenv", "power-user")',
    'get_ipython().run_line_magic("awsenv", f"power-user {code}")',
    "%%bash\nmake awsenv 123456",
    f"!{'a=' * 40}",
    "!awsenv $(" + "'" * 60,
]


@pytest.mark.parametrize("source", KEPT)
def test_a_cell_without_a_secret_stays_as_it_is(source: str) -> None:
    """Nothing is taken from a line that has no secret, and nothing from the code around it."""
    assert source == without_secrets(source)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("%awsenv power-user 123456", "%awsenv power-user"),
        ("  %awsenv power-user  '123456'  ", "  %awsenv power-user  "),
        ("x = %awsenv power-user 123456 -q", "x = %awsenv power-user -q"),
        ("%awsenv use power-user 123456", "%awsenv use power-user"),
        ("%awsenv power-user canary", "%awsenv power-user"),
        ("%awsenv power-user 123 456", "%awsenv power-user"),
        ("awsenv power-user 123456", "awsenv power-user"),
        ("%time %awsenv power-user 123456", "%time %awsenv power-user"),
        ("%awsenv power-user --external-id canary 123456", "%awsenv power-user --external-id -"),
        ("%awsenv --external-id=canary power-user", "%awsenv --external-id=- power-user"),
        ("%awsenv power-user '--external-id=canary'", "%awsenv power-user --external-id=-"),
        ("%awsenv power-user --external-id 'ca na ry'", "%awsenv power-user --external-id -"),
        ("%awsenv power-user --externalid canary", "%awsenv power-user --externalid"),
        ("%awsenv power-user --externalid=canary", "%awsenv power-user --externalid"),
        ("%awsenv --externalid canary power-user 123456 -y", "%awsenv --externalid power-user -y"),
        ("%awsenv 123456", "%awsenv "),
        ("%awsenv --durration 1h power-user", "%awsenv --durration power-user"),
        ("%awsenv -yq power-user 123456", "%awsenv -yq power-user"),
        ("%awsenv power-user \\\n  123456", "%awsenv power-user"),
        ("!awsenv login 123456 && date", "!awsenv login && date"),
        ("out = !awsenv exec power-user 123456 -- id 123456", "out = !awsenv exec power-user -- id 123456"),
        ("!!awsenv credential-process x 123456 2>/dev/null", "!!awsenv credential-process x 2>/dev/null"),
        ("%%time\n%awsenv power-user 123456\nf(123456)", "%%time\n%awsenv power-user\nf(123456)"),
        ("%awsenv power-user {'123456'}", "%awsenv power-user"),
        ("%timeit -n1 -r1 %awsenv power-user 123456", "%timeit -n1 -r1 %awsenv power-user"),
        ("a = 1; % awsenv power-user 123456", "a = 1; % awsenv power-user"),
        ("x['a'] = %awsenv power-user 123456", "x['a'] = %awsenv power-user"),
        ("x['a'] = !awsenv exec power-user 123456 -- ls", "x['a'] = !awsenv exec power-user -- ls"),
        ("out = %sx awsenv exec power-user 123456 -- ls", "out = %sx awsenv exec power-user -- ls"),
        ("!A=1 /usr/bin/awsenv exec x 123456 -- ls", "!A=1 /usr/bin/awsenv exec x -- ls"),
        ("!awsenv each 'prod-*' 123456 -- ls", "!awsenv each 'prod-*' -- ls"),
        ("!cd x && awsenv a 111111 && awsenv b 222222", "!cd x && awsenv a && awsenv b"),
        ('!eval "$(awsenv x 123456 --external-id canary)" && ls', '!eval "$(awsenv x --external-id -)" && ls'),
        ("%%bash\nif true; then awsenv exec x 123456 -- ls; fi", "%%bash\nif true; then awsenv exec x -- ls; fi"),
        ('!bash -c "awsenv exec x 123456 -- ls"', '!bash -c "awsenv exec x -- ls"'),
        ("ip.run_line_magic('awsenv', 'x 123456')", "ip.run_line_magic('awsenv', 'x')"),
        (
            "ip.run_line_magic('awsenv', \"x --external-id 'ca na'\")",
            "ip.run_line_magic('awsenv', \"x --external-id -\")",
        ),
        ('ip.system("awsenv exec x 123456 -- ls")', 'ip.system("awsenv exec x -- ls")'),
        ("%awsenv a 111111\n%awsenv b 222222\n", "%awsenv a\n%awsenv b\n"),
    ],
)
def test_a_cell_loses_its_secrets(typed: str, kept: str) -> None:
    """What is kept asks for what was left out, and everything else is as typed."""
    assert kept == without_secrets(typed)


WORDS = (
    "power-user|use|exec|login|--|-|-y|-q|--quiet|--region|eu-west-1|--x|'|\"|\\|--external-id|--external-id=canary"
    "|--external-id 'canary'|123456|--duration|1h|--tag=a=b|\\\n"
)


@given(st.lists(st.sampled_from(WORDS.split("|")), max_size=6))
def test_whatever_is_typed_no_external_id_stays(words: list[str]) -> None:
    """Behind the role, and as the value of its option, an external id never stays, and the result stays as it is."""
    source = " ".join(["%awsenv power-user", *words])
    kept = without_secrets(source)
    assert "canary" not in kept
    assert kept == without_secrets(kept)


@given(st.text(alphabet="%!aw -=\\\"'{}$\n;|1é", max_size=40))
def test_any_text_is_read(text: str) -> None:
    """A cell may hold anything. What is kept of it has nothing more to lose."""
    for source in (text, f"%awsenv {text}", f"!awsenv exec {text}"):
        kept = without_secrets(source)
        assert kept == without_secrets(kept)
