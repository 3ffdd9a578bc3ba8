"""Conditions from the data of a file; unknown ones are refused."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from llmops_sdk.errors import SpecError
from llmops_sdk.gate.conditions.answers import FailedAnswersAtMost, LatencyAtMost
from llmops_sdk.gate.conditions.margin import NotWorseThan
from llmops_sdk.gate.conditions.mean import MeanAtLeast, MeanAtMost
from llmops_sdk.gate.conditions.registry import CONDITIONS, check_subjects, conditions_from, subjects
from llmops_sdk.values.scores import Metric

from ..cases import ROUGE


def test_each_kind_is_asked_for_by_its_key() -> None:
    """One mapping may have several, a list several of one kind."""
    margin = NotWorseThan("rougeL", "b.json", 0.02)

    assert [margin, MeanAtLeast("rougeL", 0.3)] == list(
        conditions_from("rougeL", {"not_worse_than": "b.json", "margin": 0.02, "at_least": 0.3}, "gate")
    )
    assert [MeanAtMost("wer", 1.0), MeanAtMost("wer", 2.0, dataset="sales")] == list(
        conditions_from("wer", [{"at_most": 1}, {"at_most": 2, "dataset": "sales"}], "gate")
    )
    assert [LatencyAtMost("latency_p95", 2.5)] == list(conditions_from("latency_p95", {"at_most": 2.5}, "gate"))
    assert [FailedAnswersAtMost("failed_answers", 0.1)] == list(
        conditions_from("failed_answers", {"at_most": 0.1}, "gate")
    )


def test_every_kind_has_a_key_that_is_one_of_its_fields() -> None:
    """And no two kinds of one subject have the same."""
    keys = [(kind.SUBJECT, kind.KEY) for kind in CONDITIONS]

    assert len(keys) == len(set(keys))
    for kind in CONDITIONS:
        assert kind.KEY in [field.name for field in attrs.fields(kind)]
    assert ("cost_per_1000", "equivalent", "failed_answers", "latency_p95", "retention") == subjects()


@pytest.mark.parametrize(
    ("message", "subject", "data"),
    [
        ("gate: rougeL is a condition such as {at_least: 0.3}, not 0.3", "rougeL", 0.3),
        ("gate: rougeL is a condition such as", "rougeL", {}),
        ("gate: failed_answers is a condition such as {at_most: 0.02}, not None", "failed_answers", None),
        ("gate: rougeL has the unknown condition 'at_lest'; did you mean 'at_least'", "rougeL", {"at_lest": 0.3}),
        ("gate: rougeL: margin needs not_worse_than", "rougeL", {"margin": 0.3}),
        ("gate: rougeL.1: margin needs not_worse_than", "rougeL", [{"at_least": 0.3}, {"margin": 0.3}]),
        ("gate: rougeL: 'margin' is missing", "rougeL", {"not_worse_than": "b.json"}),
        ("gate: rougeL: expected a number, found '0.3' in at_least", "rougeL", {"at_least": "0.3"}),
        ("gate: rougeL: .*a number above 0, not 0.0", "rougeL", {"not_worse_than": "b.json", "margin": 0}),
        ("gate: rougeL: at_least is a number, not inf", "rougeL", {"at_least": float("inf")}),
        ("gate: latency_p95: at_most is in seconds, a number above 0, not -1.0", "latency_p95", {"at_most": -1}),
        ("gate: failed_answers: at_most is a share between 0 and 1", "failed_answers", {"at_most": 0}),
        ("gate: failed_answers has the unknown condition 'at_least'", "failed_answers", {"at_least": 0.1}),
        ("gate: retention has the unknown condition 'at_most'; known: margin", "retention", {"at_most": 0.1}),
        ("gate: rougeL has the unknown condition 'subject'", "rougeL", {"at_least": 0.1, "subject": "x"}),
        ("gate: rougeL: dataset needs ", "rougeL", {"dataset": "sales"}),
    ],
)
def test_what_does_not_fit_is_refused(message: str, subject: str, data: Any) -> None:
    """With the place in the file and the key."""
    with pytest.raises(SpecError, match=message):
        list(conditions_from(subject, data, "gate"))


@pytest.mark.parametrize(
    ("message", "condition"),
    [
        (
            "gate: 'cost' is neither a metric of this pipeline nor one of cost_per_1000, equivalent, failed_answers, latency_p95, retention",
            MeanAtMost("cost", 1.0),
        ),
        (
            "gate: rougeL: a higher number is better, so the condition is at_least, not at_most",
            MeanAtMost("rougeL", 0.5),
        ),
        ("gate: wer: a lower number is better, so the condition is at_most, not at_least", MeanAtLeast("wer", 0.5)),
        (
            "gate: rougeL: at_least 1 shows nothing: rougeL lies between 0 and 1; give a limit",
            MeanAtLeast("rougeL", 1.0),
        ),
        ("gate: length has no better end, so no candidate can be worse", NotWorseThan("length", "b.json", 1.0)),
        ("gate: rougeL: margin 1 leaves nothing to show", NotWorseThan("rougeL", "b.json", 1.0)),
    ],
)
def test_conditions_fit_their_metrics(message: str, condition: Any) -> None:
    """Direction and bounds."""
    metrics = {
        "rougeL": ROUGE,
        "wer": Metric("wer", higher_is_better=False),
        "length": Metric("length", higher_is_better=None),
    }

    with pytest.raises(SpecError, match=message):
        check_subjects([condition], metrics, "gate")
    check_subjects(
        [MeanAtLeast("length", 3.0), MeanAtMost("length", 9.0), LatencyAtMost("latency_p95", 1.0)], metrics, "gate"
    )
