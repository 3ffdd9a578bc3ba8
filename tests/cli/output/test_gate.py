"""The answer of a gate on the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from llmops_sdk.cli.output.gate import show_decision
from llmops_sdk.gate.outcome import Check, Decision, Numbers, Outcome

if TYPE_CHECKING:
    import pytest

CHECK = Check(
    "rougeL", "at least 0.3", "sales", Outcome.NO_GO, 0.2, 0.1, 0.25, 0.3, 50, "not at least 0.3: 0.200", Numbers.MEAN
)
DECISION = Decision(
    "sales-1",
    "sales",
    "tuned",
    "named",
    Outcome.NO_GO,
    "1 of 2 conditions is shown to be broken",
    (CHECK,),
    ("A note.",),
)


def test_the_answer_comes_first_then_each_check(capsys: pytest.CaptureFixture[str]) -> None:
    """Outcomes stand in a column; notes come last."""
    go = attrs.evolve(CHECK, outcome=Outcome.GO, text="at least 0.1")

    show_decision(attrs.evolve(DECISION, checks=(CHECK, go)))

    assert [
        "NO-GO for candidate 'tuned' (named): 1 of 2 conditions is shown to be broken",
        "  NO-GO  rougeL on sales: not at least 0.3: 0.200",
        "  GO     rougeL on sales: at least 0.1",
        "  A note.",
    ] == capsys.readouterr().out.splitlines()


def test_text_of_users_reaches_no_terminal_as_a_command(capsys: pytest.CaptureFixture[str]) -> None:
    """Neither markup nor control characters."""
    show_decision(attrs.evolve(DECISION, candidate="[red]a\x1b[31m", checks=(attrs.evolve(CHECK, text="\x1b[2J[b]"),)))

    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "[red]a" in out
    assert "[b]" in out
