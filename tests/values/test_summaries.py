"""Summaries hold finite numbers, and tables of one shape."""

from __future__ import annotations

import pytest

from llmops_sdk.values.answers import Pending
from llmops_sdk.values.scores import Scored, Unscored
from llmops_sdk.values.serial import from_json, to_json
from llmops_sdk.values.summaries import ScoredRecord, Summary, SummaryTable, SummaryValue

TABLE = SummaryTable("Counts", "true", ("a", "b"), ("a", "b"), ((1.0, 2.0), (3.0, 4.0)), is_sum=True)


def test_a_summary_is_stored_as_it_is() -> None:
    """As JSON and back."""
    summary = Summary((SummaryValue("macro_f1", "Macro F1", 0.5),), (TABLE,))

    assert summary == from_json(to_json(summary), Summary)


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_other_numbers_are_refused(number: float) -> None:
    """JSON has none of them."""
    with pytest.raises(ValueError, match="the value of a summary is a finite number"):
        SummaryValue("macro_f1", "Macro F1", number)
    with pytest.raises(ValueError, match="the values of a summary is a finite number"):
        SummaryTable("Counts", "true", ("a",), ("a",), ((number,),))


@pytest.mark.parametrize("values", [(), ((1.0,),), ((1.0, 2.0), (3.0,))])
def test_a_table_has_a_number_for_each_row_and_column(values: tuple[tuple[float, ...], ...]) -> None:
    """The message has both counts."""
    with pytest.raises(ValueError, match="the table 'Counts' of a summary has 2 rows of 2 numbers each"):
        SummaryTable("Counts", "true", ("a", "b"), ("a", "b"), values)


def test_a_failure_is_the_candidates_own() -> None:
    """A record that is left out is none, nor is a score that failed for now."""
    assert ScoredRecord({}, Unscored(0, "no label", is_failure=True)).is_failure
    for score in (Scored(0, {}), Unscored(0, "no reference"), Pending(0, "later")):
        assert not ScoredRecord({}, score).is_failure
