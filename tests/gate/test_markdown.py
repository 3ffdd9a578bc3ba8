"""The comment on a pull request."""

from __future__ import annotations

import attrs

from llmops_sdk.gate.markdown import comment_mark, markdown
from llmops_sdk.gate.outcome import Check, Decision, Numbers, Outcome

MARGIN = Check(
    "rougeL", "no worse than baseline.json by more than 0.02", "sales", Outcome.INCONCLUSIVE, -0.012, -0.034, 0.01, -0.02, 120,
    "not decided whether it is no worse", Numbers.DIFFERENCE, needed_records=1450,
)  # fmt: skip
FAILED = Check(
    "failed_answers",
    "at most 2 %",
    "sales",
    Outcome.GO,
    0.004,
    0.001,
    0.018,
    0.02,
    400,
    "at most 2 %",
    Numbers.SHARE,
    "failed",
)
DECISION = Decision(
    "sales-1", "sales", "tuned", "the only candidate", Outcome.INCONCLUSIVE, "1 of 2 conditions is not decided", (MARGIN, FAILED),
    needed_records=1450,
)  # fmt: skip


def test_the_comment_has_its_mark_the_answer_and_a_row_for_each_check() -> None:
    """The mark is the first line; the needed records stand in the sentence and in the row."""
    lines = markdown(DECISION).replace("\N{NO-BREAK SPACE}", " ").splitlines()

    assert "<!-- llmops-gate: sales -->" == lines[0] == comment_mark("sales")
    assert "### \N{WARNING SIGN}\N{VARIATION SELECTOR-16} INCONCLUSIVE: `tuned` of `sales`" == lines[1]
    assert "1 of 2 conditions is not decided. About **1,450 records** would decide it." == lines[3]
    assert (
        "| \N{WARNING SIGN}\N{VARIATION SELECTOR-16} | `rougeL` no worse than `baseline.json` by more than 0.02 "
        "| \N{MINUS SIGN}0.012 | [\N{MINUS SIGN}0.034, +0.010] | 120 of about 1,450 |"
    ) == lines[7]
    assert (
        "| \N{WHITE HEAVY CHECK MARK} | `failed_answers` at most 2 % | 0.4 % failed | [0.1 %, 1.8 %] | 400 |"
        == lines[8]
    )


def test_several_datasets_have_a_column() -> None:
    """One dataset needs none; every row has as many cells as the heading."""
    other = attrs.evolve(MARGIN, dataset="returns", low=None, high=None, measured=None)

    lines = markdown(attrs.evolve(DECISION, checks=(MARGIN, other))).splitlines()

    assert "|  | condition | dataset | measured | bounds | records |" == lines[5]
    assert {7} == {line.count("|") for line in lines[5:9]}
    assert "| `returns` | \N{EN DASH} | none |" in lines[8]


def test_text_of_users_is_no_markup() -> None:
    """No name is a link, HTML, a mention or the end of a table cell."""
    hostile = "a|b`<img>@team"
    check = attrs.evolve(MARGIN, subject=hostile, text="<b>*x* @team [a](b)")

    text = markdown(attrs.evolve(DECISION, candidate=hostile, name="-->", checks=(check,), notes=("#1 <i>",)))

    assert "`a b <img>@team`" in text
    assert r"\<b\>\*x\* @" + "\N{ZERO WIDTH SPACE}" + r"team \[a\](b)" in text
    assert r"\#1 \<i\>" in text
    assert "<!-- llmops-gate: pipeline -->" == text.splitlines()[0]
