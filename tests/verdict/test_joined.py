"""Cells as one: what is summed, and what is left."""

from __future__ import annotations

from typing import Any

from llmops_sdk.values.results import CellResult
from llmops_sdk.verdict.joined import join_cells


def cell(answered: int, device: str, **counts: Any) -> CellResult:
    """A cell of ten records."""
    endpoint = {"device": device, "dtype": "float32"}
    return CellResult(
        "c.p.d", "c", "c", "p", False, 10, answered, {}, {"f1": 10 - answered}, None, None, endpoint, **counts
    )


def test_counts_are_sums_and_details_those_of_all() -> None:
    """Also counts by name; the first reason is kept, and the number of records."""
    one = cell(9, "cpu", cut=2, models={"m": 9}, failures={"exact": 1}, reasons={"f1": "too long"})
    other = cell(7, "cuda", cut=1, models={"m": 3, "n": 4}, failures={"exact": 3}, reasons={"f1": "empty"})

    joined = join_cells([one, other])

    assert (10, 16, 3) == (joined.records, joined.answered, joined.cut)
    assert ({"m": 12, "n": 4}, {"exact": 4}, {"f1": 4}) == (joined.models, joined.failures, joined.unscored)
    assert {"dtype": "float32"} == joined.endpoint
    assert {"f1": "too long"} == joined.reasons
