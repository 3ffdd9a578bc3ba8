"""What checks found, as it is printed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmops_sdk.cli.output.findings import show_findings
from llmops_sdk.plugin import Check, Finding

if TYPE_CHECKING:
    import pytest


def check(name: str, status: str, text: str, hint: str = "") -> Check:
    """Return a check with this finding."""
    return Check(name, lambda: Finding(status, text, hint))  # type: ignore[arg-type]


def test_a_hint_follows_its_finding(capsys: pytest.CaptureFixture[str]) -> None:
    """On a line of its own, which can be copied."""
    assert not show_findings([check("torch", "ok", "2.9"), check("wordnet", "warning", "missing", "llmops assets get")])

    assert [
        "ok       torch: 2.9",
        "warning  wordnet: missing",
        "         fix: llmops assets get",
    ] == capsys.readouterr().out.splitlines()


def test_quiet_leaves_out_what_is_ok(capsys: pytest.CaptureFixture[str]) -> None:
    """Warnings and errors are shown, and an error is the result."""
    assert show_findings([check("a", "ok", "fine"), check("b", "error", "broken")], quiet=True)

    assert "error    b: broken" == capsys.readouterr().out.strip()


def test_further_checks_of_what_has_an_error_are_skipped(capsys: pytest.CaptureFixture[str]) -> None:
    """A missing file is not reported three times."""
    assert show_findings([check("a", "error", "gone"), check("a", "error", "not there"), check("b", "ok", "fine")])

    assert ["error    a: gone", "ok       b: fine"] == capsys.readouterr().out.splitlines()


def test_a_check_that_raises_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    """It is reported as a failure of the check itself."""

    def fail() -> Finding:
        raise ZeroDivisionError

    assert show_findings([Check("odd", fail)])
    assert "odd: the check itself failed: ZeroDivisionError" in capsys.readouterr().out


def test_a_problem_in_common_is_printed_once(capsys: pytest.CaptureFixture[str]) -> None:
    """The others name the check that has it; short texts are repeated."""
    problem = "there are no AWS credentials: run 'aws configure' or 'aws sso login', or set a profile"
    checks = [check("role", "error", problem), check("bucket", "error", problem), check("a", "warning", "missing")]
    assert show_findings([*checks, check("b", "warning", "missing")])

    lines = [line.split(maxsplit=1)[1] for line in capsys.readouterr().out.splitlines()]
    assert [f"role: {problem}", "bucket: same as role", "a: missing", "b: missing"] == lines
