"""Candidates and datasets of several sources get names under which they can be compared."""

from __future__ import annotations

import pytest

from llmops_sdk import DataError, SpecError
from llmops_sdk.pipeline.imports.entries import Entry, Spread, arrange

from .sources import entry


def _names(entries: list[Entry]) -> dict[str, list[str]]:
    return {board: [each.name for each in own] for board, own in arrange(entries).entries.items()}


def test_where_each_source_has_one_dataset_it_is_one() -> None:
    """Whatever it is called there: two files of scores are called like files."""
    assert {"records": ["a", "b"]} == _names([entry("a", "a"), entry("b", "b", source=1, number=1)])
    assert {"qa": ["a", "b"]} == _names([entry("a", "qa"), entry("b", "qa", source=1, number=1)])


def test_datasets_that_all_have_are_compared() -> None:
    """The others are left out, and named; one candidate may come in several files."""
    entries = [
        entry("m", "qa", number=0),
        entry("m", "math", source=1, number=1),
        entry("n", "qa", source=2, number=2),
        entry("n", "math", source=2, number=3),
        entry("n", "code", source=2, number=4),
    ]

    boards = arrange(entries)

    assert {"qa": ["m", "n"], "math": ["m", "n"]} == {
        name: [each.name for each in own] for name, own in boards.entries.items()
    }
    assert ("dataset 'code' is left out: not all candidates have it",) == boards.left_out
    assert ("m", "n") == boards.candidates


def test_equal_names_get_those_of_their_sources() -> None:
    """And where the sources have one name too, by numbers; a name that the user gives counts."""
    assert ["file0-gpt", "file1-gpt"] == _names([entry("gpt"), entry("gpt", source=1, number=1)])["d"]
    same = [entry("gpt"), entry("gpt", source=1, number=1)]
    same[1].source_name = "file0"
    assert ["file0-gpt", "file0-gpt-2"] == _names(same)["d"]
    named = [entry("gpt", given_name="old"), entry("gpt", source=1, number=1, given_name="new")]
    assert ["old", "new"] == _names(named)["d"]
    several = [entry("x", given_name="old"), entry("y", number=1, given_name="old")]
    assert ["old-x", "old-y"] == _names(several)["d"]


def test_names_are_made_of_what_names_may_have() -> None:
    """As those of models in a specification."""
    entries = [entry("meta-llama/Llama 3.1"), entry("数据", source=1, number=1)]

    assert ["meta-llama-Llama-3-1", "candidate-2"] == _names(entries)["d"]


def test_what_cannot_be_compared_is_one_line() -> None:
    """Equal given names, no common dataset, a single candidate."""
    with pytest.raises(SpecError, match=r"file0.csv and file1.csv are both called 'x'; give each a name of its own"):
        arrange([entry("a", "a", given_name="x"), entry("b", "b", source=1, number=1, given_name="x")])
    with pytest.raises(SpecError, match=r"file0.csv has one candidate, 'a': name what it is compared with"):
        arrange([entry("a")])
    with pytest.raises(DataError, match=r"no dataset is in all sources: 'a' has x, y; 'b' has z"):
        arrange([entry("a", "x"), entry("a", "y", number=1), entry("b", "z", source=1, number=2)])


def test_scores_are_counted() -> None:
    """With their ends, and whether they are marks."""
    spread = Spread()
    for score in (1.0, 0.0):
        spread.add(score)
    assert (2, 0.0, 1.0, True) == (spread.count, spread.low, spread.high, spread.is_binary)
    spread.add(0.5)
    assert not spread.is_binary
