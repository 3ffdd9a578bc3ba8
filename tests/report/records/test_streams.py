"""Samples of several cells side by side."""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from llmops_sdk.errors import RecordError
from llmops_sdk.report.records.streams import SideBySide
from llmops_sdk.values.samples import Sample

from ..samples import sample

ROW = {"instruction": "i", "response": "r"}


def test_cells_are_read_side_by_side() -> None:
    """Each record with the samples of all cells that have it, in the order of the test split."""
    first = [sample(index, ROW, f"a{index}") for index in (0, 1, 3)]
    second = [sample(index, ROW, f"b{index}") for index in (1, 2)]

    rows = list(SideBySide({"a": first, "b": second}))

    assert [0, 1, 2, 3] == [row.index for row in rows]
    assert [["a"], ["a", "b"], ["b"], ["a"]] == [list(row.samples) for row in rows]
    assert "b2" == rows[2].first.output


def test_the_answers_to_a_record_stay_together() -> None:
    """In their order."""
    lines = [attrs.evolve(sample(0, ROW, text), repeat=repeat) for repeat, text in enumerate(("yes", "no"))]

    (row,) = SideBySide({"a": lines})

    assert ["yes", "no"] == [each.output for each in row.samples["a"]]


def test_one_record_is_in_memory_at_a_time() -> None:
    """No cell is read further than to the record after the one that is shown."""
    read: list[str] = []

    def samples(cell: str) -> Iterator[Sample]:
        for index in range(100):
            read.append(f"{cell}{index}")
            yield sample(index, ROW, "yes")

    rows = iter(SideBySide({"a": samples("a"), "b": samples("b")}))
    next(rows)

    assert 4 >= len(read)


def test_a_damaged_cell_does_not_end_the_others() -> None:
    """It has what was read before the damage, which is kept by the cell's name."""

    def damaged() -> Iterator[Sample]:
        yield sample(0, ROW, "yes")
        message = "line 2 of 'a.jsonl' is damaged"
        raise RecordError(message)

    rows = SideBySide({"a": damaged(), "b": [sample(index, ROW, "no") for index in range(3)]})

    assert [["a", "b"], ["b"], ["b"]] == [list(row.samples) for row in rows]
    assert {"a": "line 2 of 'a.jsonl' is damaged"} == rows.damages
