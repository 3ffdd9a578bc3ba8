"""What evaluators say of all records together is printed beside the means."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from llmops_sdk.cli.output.summaries import show_summaries
from llmops_sdk.cli.output.tables import open_console
from llmops_sdk.values.results import CellResult
from llmops_sdk.values.summaries import Summary, SummaryTable, SummaryValue

if TYPE_CHECKING:
    import pytest

COUNTS = SummaryTable("Labels", "true", ("a", "b"), ("a", "b"), ((3.0, 0.5), (0.0, 4.0)), is_sum=True)
WIDE = SummaryTable("Wide", "true", ("a",), tuple("abcdefghi"), ((1.0,) * 9,), is_sum=True)
SHARES = SummaryTable("By label", "label", ("a",), ("F1",), ((0.5,),))


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
