"""Metrics declare their bounds, and with them the worst score."""

from __future__ import annotations

import math
from typing import Any

import pytest

from llmops_sdk.values.scores import Metric


def test_the_worst_score_is_at_the_worse_end() -> None:
    """Without bounds, or without a better end, there is none."""
    assert 0.0 == Metric("f1", bounds=(0.0, 1.0)).worst
    assert 1.0 == Metric("toxicity", higher_is_better=False, bounds=(0.0, 1.0)).worst
    assert Metric("f1").worst is None
    assert Metric("length", higher_is_better=None, bounds=(0.0, 1.0)).worst is None


@pytest.mark.parametrize("bounds", [(1.0, 0.0), (0.0, 0.0), (0.0, math.inf), (math.nan, 1.0), (0.0, 1.0, 2.0)])
def test_bounds_are_two_numbers_in_order(bounds: Any) -> None:
    """The error names the metric."""
    with pytest.raises(ValueError, match="the bounds of metric 'f1' are two finite numbers, the smaller one first"):
        Metric("f1", bounds=bounds)
