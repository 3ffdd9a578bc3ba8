"""The metric that decides."""

from __future__ import annotations

import pytest

from llmops_sdk import SpecError
from llmops_sdk.planning.decision.metric import OfferedMetric, choose_metric
from llmops_sdk.values.scores import Metric

OFFERED = (
    OfferedMetric(Metric("length", higher_is_better=None), "text"),
    OfferedMetric(Metric("exact"), "match"),
    OfferedMetric(Metric("rougeL"), "summaries"),
)


def test_the_named_one_or_the_first_that_can_rank() -> None:
    """A length ranks nothing."""
    assert "exact" == choose_metric(OFFERED, "").name
    assert "rougeL" == choose_metric(OFFERED, "rougeL").name


@pytest.mark.parametrize(
    ("named", "message"),
    [
        ("rougeM", "no evaluator of this pipeline has the metric 'rougeM'; did you mean 'rougeL'"),
        ("length", "the metric 'length' cannot rank the candidates: it does not set higher_is_better; name one of: exact, rougeL"),
    ],
)  # fmt: skip
def test_one_that_cannot_decide_is_refused(named: str, message: str) -> None:
    """With those that can."""
    with pytest.raises(SpecError, match=message):
        choose_metric(OFFERED, named)
    with pytest.raises(SpecError, match="no metric can rank the candidates"):
        choose_metric(OFFERED[:1], "")
