"""The summaries of several training seeds are shown as one."""

from __future__ import annotations

from llmops_sdk.values.summaries import Summary, SummaryTable, SummaryValue
from llmops_sdk.verdict.summaries import join_summaries


def summary(value: float, counts: SummaryTable, shares: SummaryTable) -> Summary:
    return Summary((SummaryValue("macro_f1", "Macro F1", value),), (counts, shares))


def test_counts_are_added_and_other_numbers_averaged() -> None:
    """A row or column that one of them lacks counts as 0 in a sum, and not in a mean."""
    first = summary(
        0.5,
        SummaryTable("Counts", "true", ("a",), ("a",), ((2.0,),), is_sum=True),
        SummaryTable("Shares", "label", ("a",), ("F1",), ((0.4,),)),
    )
    second = summary(
        1.0,
        SummaryTable("Counts", "true", ("a", "b"), ("a", "b"), ((1.0, 3.0), (0.0, 4.0)), is_sum=True),
        SummaryTable("Shares", "label", ("a", "b"), ("F1",), ((0.8,), (0.9,))),
    )
    joined = summary(
        0.75,
        SummaryTable("Counts", "true", ("a", "b"), ("a", "b"), ((3.0, 3.0), (0.0, 4.0)), is_sum=True),
        SummaryTable("Shares", "label", ("a", "b"), ("F1",), ((0.6000000000000001,), (0.9,))),
    )

    assert {"labels": joined} == join_summaries([{"labels": first}, {"labels": second, "other": second}])


def test_one_that_a_checkpoint_lacks_is_left_out() -> None:
    """Its numbers would not be those of the recipe."""
    only = Summary((SummaryValue("a", "A", 1.0),))
    more = Summary((SummaryValue("a", "A", 0.0), SummaryValue("b", "B", 1.0)))

    assert {} == join_summaries([{"labels": only}, {}])
    assert {"labels": Summary((SummaryValue("a", "A", 0.5),))} == join_summaries([{"labels": more}, {"labels": only}])
