"""Loss curves as drawn."""

from __future__ import annotations

import pytest

from llmops_sdk.report.curves import smoothed


def test_smoothed_is_an_average_without_a_start_at_zero() -> None:
    """A constant loss stays constant, and a step is followed slowly."""
    assert pytest.approx([2.0] * 50) == smoothed([2.0] * 50)
    assert 1.0 < smoothed([1.0] * 40 + [2.0] * 4)[-1] < 2.0
