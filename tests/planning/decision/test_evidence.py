"""What a run can show is stated before it runs."""

from __future__ import annotations

from llmops_sdk import Pipeline
from llmops_sdk.planning.decision.evidence import expected_evidence
from llmops_sdk.plugin.registry import Registry

ECHO = Pipeline.builder("echo").with_prompt("bare").with_evaluator("echo-score")
TWO = ECHO.with_model("echo", name="a", fine_tune=False).with_model("echo", name="b", voice="quiet", fine_tune=False)


def rows_of(pipeline: Pipeline, registry: Registry) -> list[str]:
    """What is shown, a line each."""
    return [" ".join(filter(None, row)) for row in expected_evidence(pipeline.build(registry), registry)]


def test_the_difference_that_the_test_records_show(registry: Registry) -> None:
    """For each dataset; and the records that smaller ones need: (2.8 * 0.25 / 0.1)^2 = 49."""
    shown, needed = rows_of(TWO.with_dataset("sample", test_fraction=0.5, max_test_records=50), registry)

    assert (
        "can show sample on 50 test records, a true difference of 0.099 in Exact match is found in four of five runs"
        == shown
    )
    assert (
        "a difference of 0.1 takes 50 records, 0.05 takes 197 records, 0.02 takes 1,227 records: assumed is a spread of a "
        "quarter of the range of Exact match"
    ) == needed


def test_few_records_show_nothing(registry: Registry) -> None:
    """Which is known before anything is paid for."""
    shown, _ = rows_of(TWO.with_dataset("sample", max_test_records=5), registry)

    assert "can show sample nothing: 5 test records are too few, it takes at least 10" == shown


def test_a_margin_needs_records_too(registry: Registry) -> None:
    """(2.49 * 0.25 / 0.05)^2 = 155."""
    pipeline = TWO.with_dataset("lines").with_decision(baseline="a", margin=0.05)

    assert "that an equal candidate is no worse than a by 0.05 takes 155 records" == rows_of(pipeline, registry)[-1]


def test_nothing_is_stated_where_nothing_is_known(registry: Registry) -> None:
    """Of a single candidate, or a metric without bounds."""
    alone = ECHO.with_dataset("lines").with_model("echo", fine_tune=False)

    assert [] == rows_of(alone, registry)
    assert [] == rows_of(TWO.with_dataset("lines").with_decision("noise"), registry)
