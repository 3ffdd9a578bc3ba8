"""The options of the reporters."""

from __future__ import annotations

import pytest

from llmops_plugins.reporters.options import TableFile, TableOptions


@pytest.mark.parametrize(
    ("options", "scores", "candidates"),
    [
        ({}, "", ""),
        ({"path": "a/t.parquet"}, "a/t.parquet", "a/t-candidates.parquet"),
        ({"path": "{run}.csv"}, "{run}.csv", "{run}-candidates.csv"),
        ({"path": "t.csv", "candidates": "c.jsonl"}, "t.csv", "c.jsonl"),
        ({"candidates": "c.jsonl"}, "", "c.jsonl"),
    ],
)
def test_the_candidates_are_beside_the_scores(options: dict[str, str], scores: str, candidates: str) -> None:
    """In the same format, unless another file is named; an empty path is in the run's record."""
    expected = (TableFile(scores, "scores.csv"), TableFile(candidates, "scores-candidates.csv"))

    assert expected == TableOptions(**options).files()


@pytest.mark.parametrize("name", ["path", "candidates"])
def test_the_format_is_the_ending(name: str) -> None:
    """Another one is refused."""
    with pytest.raises(
        ValueError, match=f"{name} ends with .parquet, .jsonl or .csv, which is the format, not 't.txt'"
    ):
        TableOptions(**{name: "t.txt"})
