"""What evaluators say of all records together is printed beside the means."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import attrs

from llmops_sdk.cli.output.summaries import show_forms, show_grading, show_summaries
from llmops_sdk.cli.output.tables import open_console
from llmops_sdk.values.estimates import Estimate
from llmops_sdk.values.forms import AnswerAgreement, FirstDifference, FormResult, FormsResult, Suspect
from llmops_sdk.values.grades import Grading
from llmops_sdk.values.results import CellResult, Leaderboard, Verdict
from llmops_sdk.values.summaries import Summary, SummaryTable, SummaryValue

if TYPE_CHECKING:
    import pytest

COUNTS = SummaryTable("Labels", "true", ("a", "b"), ("a", "b"), ((3.0, 0.5), (0.0, 4.0)), is_sum=True)
WIDE = SummaryTable("Wide", "true", ("a",), tuple("abcdefghi"), ((1.0,) * 9,), is_sum=True)
SHARES = SummaryTable("By label", "label", ("a",), ("F1",), ((0.5,),))

GRADING = Grading(
    metric="judge",
    graders=("ann",),
    answers=50,
    records=25,
    with_judge=Estimate(0.8, 0.7, 0.9, 50),
    between_graders=None,
    weight=0.6,
    means={"base": Estimate(3.5, 3.2, 3.8, 100), "tuned": Estimate(3.1, None, None, 100)},
    judge_means={"base": 4.1, "tuned": 3.4},
    text="Agreement of Judge with people: 0.80.",
)


def board(metric: str) -> Leaderboard:
    """A leaderboard of the candidates, decided by this metric."""
    verdict = Verdict("tuned", settled=False, tied=("base",), text="")
    return Leaderboard("d", metric, (cell("tuned", {}), cell("base", {})), (), (), verdict)


def cell(candidate: str, summaries: Mapping[str, Summary]) -> CellResult:
    return CellResult(
        cell=candidate,
        candidate=candidate,
        model=candidate,
        prompt="p",
        fine_tuned=False,
        records=8,
        answered=8,
        estimates={},
        unscored={},
        speed=None,
        training=None,
        endpoint={},
        summaries=summaries,
    )


def test_numbers_are_one_table_and_counts_one_for_each(capsys: pytest.CaptureFixture[str]) -> None:
    """Wide counts and other tables are in the report only; a candidate may lack a number."""
    first = Summary((SummaryValue("f", "Macro F1", 0.875), SummaryValue("r", "Recall", 1.0)), (COUNTS, WIDE, SHARES))
    second = Summary((SummaryValue("f", "Macro F1", 0.5),))
    show_summaries(open_console(), [cell("good", {"labels": first}), cell("bad", {"labels": second}), cell("none", {})])

    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [
        [],
        ["candidate", "Macro", "F1", "Recall"],
        ["good", "0.875", "1.000"],
        ["bad", "0.500", "-"],
        [],
        ["good:", "Labels"],
        ["true", "a", "b"],
        ["a", "3", "0.500"],
        ["b", "0", "4"],
    ] == lines


def test_nothing_is_printed_without_summaries(capsys: pytest.CaptureFixture[str]) -> None:
    """Not even an empty line."""
    show_summaries(open_console(), [cell("good", {})])

    assert "" == capsys.readouterr().out


def test_corrected_means_stand_beside_the_judges(capsys: pytest.CaptureFixture[str]) -> None:
    """Each candidate has a row; the agreement is in the verdict where the metric decides."""
    show_grading(open_console(), GRADING, board("judge"))
    out = capsys.readouterr().out

    assert "judge, corrected by 50 graded answers" in out
    assert ["base", "3.500", "[3.200,", "3.800]", "4.100"] in [line.split() for line in out.splitlines()]
    assert ["tuned", "3.100", "no", "interval", "3.400"] in [line.split() for line in out.splitlines()]
    assert out.index("tuned") < out.index("base")
    assert "Agreement" not in out


def test_the_agreement_of_another_metric_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """Where another metric decides, the verdict lacks it; without a mean there is no table."""
    show_grading(open_console(), attrs.evolve(GRADING, means={}), board("rougeL"))

    assert "Agreement of Judge with people: 0.80.\n" == capsys.readouterr().out.lstrip("\n")


def test_forms_are_a_table_and_the_suspects_of_those_that_differ(capsys: pytest.CaptureFixture[str]) -> None:
    """One without a common score has no difference; where all answers are the same, nobody is suspected."""
    suspects = (Suspect("dtype", "bfloat16", "Q4_K"), Suspect("EOS", "", ""))
    forms = (
        FormResult("m.q8", "m.local", "undecided", 0.05, None, AnswerAgreement(9, 9), suspects, ""),
        FormResult(
            "m.q4",
            "m.local",
            "worse",
            0.05,
            Estimate(-0.1, -0.12, -0.08, 9),
            AnswerAgreement(9, 2, FirstDifference(3, 7, "a", "b"), 7.0),
            suspects,
            "",
        ),
    )
    shown = attrs.evolve(board("f1"), forms=(FormsResult("m", "m.local", forms, (), ""),))

    show_forms(open_console(), shown)

    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert "m.q8 - undecided 9 of 9 -" in lines
    assert "m.q4 \N{MINUS SIGN}0.100 [\N{MINUS SIGN}0.120, \N{MINUS SIGN}0.080] worse 2 of 9 record 3, word 7" in lines
    assert "m.q4: Different: dtype (bfloat16 against Q4_K). Not known of both: EOS." in lines
    assert not any(line.startswith("m.q8:") for line in lines)
