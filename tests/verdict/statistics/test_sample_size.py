"""Numbers of records are those of published tables."""

from __future__ import annotations

import pytest

from llmops_sdk.verdict.statistics.sample_size import detectable_difference, needed_for_margin, needed_records


@pytest.mark.parametrize(
    ("candidates", "difference", "records"),
    [(2, 0.2, 197), (2, 0.5, 32), (6, 0.3, 152), (10, 0.8, 26)],
)
def test_records_that_a_difference_needs(candidates: int, difference: float, records: int) -> None:
    """In standard deviations of the paired difference."""
    assert records == pytest.approx(needed_records(difference, 1.0, candidates), rel=0.03)


def test_the_detectable_difference_needs_its_records() -> None:
    """The two formulas are each other's inverse."""
    assert 50 == needed_records(detectable_difference(50, 0.3, 6) * 1.0000001, 0.3, 6)


def test_records_that_a_margin_needs() -> None:
    """(2.49 sd / margin)^2 for no worse, (2.93 sd / margin)^2 for equivalent."""
    assert 69 == needed_for_margin(0.3, 1.0, equivalence=False)
    assert 96 == needed_for_margin(0.3, 1.0, equivalence=True)
