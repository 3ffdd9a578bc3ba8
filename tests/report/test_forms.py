"""The forms of a model in the report: each against the reference, and what the endpoints report."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from llmops_sdk.report.boards import Retained, candidate_colours, report_boards
from llmops_sdk.report.render import render_report
from llmops_sdk.values.estimates import Estimate
from llmops_sdk.values.forms import AnswerAgreement, FirstDifference, FormResult, FormsResult, Suspect

from .samples import report_data


def test_forms_are_a_table_with_their_suspects() -> None:
    """What differs is marked, what is not known stays so, and what a model wrote is escaped."""
    first = FirstDifference(3, 7, "<b>quick", "")
    suspects = (
        Suspect("dtype", "bfloat16", "Q4_K"),
        Suspect("EOS", "", "</s>"),
        Suspect("weights", "a" * 64, "a" * 64),
    )
    estimate = Estimate(-0.1, -0.12, -0.08, 9)
    form = FormResult(
        "tuned", "base", "worse", 0.05, estimate, AnswerAgreement(9, 2, first, 7.0), suspects, "It is <i>worse</i>."
    )
    data = report_data(("tuned", "base"))
    (board,) = data.results.leaderboards
    board = attrs.evolve(board, forms=(FormsResult("m", "base", (form,), ("m.q8",), ""),))
    page = render_report(attrs.evolve(data, results=attrs.evolve(data.results, leaderboards=(board,))))

    assert "Did export or serving change <bdi>base</bdi>?" in page
    assert '<td data-label="Within the margin">worse</td>' in page
    assert "record 3, word 7: <bdi>&lt;b&gt;quick</bdi> against <bdi>nothing</bdi>" in page
    assert '<bdi>Q4_K</bdi> <span class="tag">differs</span>' in page
    assert '<td data-label="base"><bdi>not known</bdi></td>' in page
    assert "a" * 64 not in page
    assert "It is &lt;i&gt;worse&lt;/i&gt;." in page
    assert "<bdi>m.q8</bdi> cannot be compared" in page


def test_a_run_without_forms_has_no_such_part() -> None:
    """Nor an empty heading."""
    assert "Did export or serving" not in render_report(report_data())


@pytest.mark.parametrize(
    ("outcome", "without", "marked"),
    [
        ("equivalent", (), Retained("settled", "Equivalent")),
        ("equivalent", ("m.q8",), Retained("unsettled", "Not settled")),
        ("undecided", (), Retained("unsettled", "Not settled")),
        ("worse", (), Retained("unsettled", "Not equivalent")),
        ("better", (), Retained("unsettled", "Not equivalent")),
    ],
)
def test_a_dataset_with_forms_alone_is_marked_by_their_outcome(
    outcome: Any, without: tuple[str, ...], marked: Retained
) -> None:
    """Which of them is best is not what was asked; beside other candidates it is."""
    data = report_data(("tuned", "base"))
    (board,) = data.results.leaderboards
    form = FormResult("tuned", "base", outcome, 0.05, None, AnswerAgreement(9, 9), (), "")
    board = attrs.evolve(board, forms=(FormsResult("m", "base", (form,), without, ""),))
    others = attrs.evolve(board, forms=(FormsResult("m", "else", (form,), without, ""),))
    boards = [attrs.evolve(data, results=attrs.evolve(data.results, leaderboards=(each,))) for each in (board, others)]
    alone, beside = (report_boards(each, candidate_colours(each.results))[0] for each in boards)
    assert (marked, None) == (alone.equivalence, beside.equivalence)
    assert marked.text in render_report(boards[0])
