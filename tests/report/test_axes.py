"""Scales hold their values and have few, round ticks."""

from __future__ import annotations

import pytest

from llmops_sdk.report.axes import axis


@pytest.mark.parametrize("values", [[0.2, 0.31], [0.0, 0.0], [-5.0, 1200.0], [3.0], [1e-7, 3e-7], [0.5, 0.5]])
def test_axis_holds_its_values_and_has_few_round_ticks(values: list[float]) -> None:
    """Whatever the values, they lie on the scale, and so do its ticks."""
    scale = axis(values, pad=0.05)
    assert all(0 <= scale.share(value) <= 1 for value in values)
    assert 2 <= len(scale.ticks) <= 8
    assert all(-1e-9 <= scale.share(tick) <= 1 + 1e-9 for tick in scale.ticks)
    assert len({scale.label(tick) for tick in scale.ticks}) == len(scale.ticks)
