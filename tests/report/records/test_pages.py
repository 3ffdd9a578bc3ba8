"""Records as the page holds them: an index and compressed chunks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from llmops_sdk.report.boards import candidate_colours
from llmops_sdk.report.records import pages
from llmops_sdk.report.records.pages import Candidates, PackedRecords, board_cells, deflate, inflate, pack_records
from llmops_sdk.report.records.streams import SideBySide
from llmops_sdk.values.samples import Sample

from ..samples import METRICS, one_cell, report_data, sample

if TYPE_CHECKING:
    import pytest

ROW = {"instruction": "i", "response": "r"}


def pack(lines: Sequence[Sample], *, limit: int = 10**6) -> PackedRecords:
    """Pack the records of one candidate."""
    data = one_cell(list(lines))
    (board,) = data.results.leaderboards
    candidates = Candidates(colours=candidate_colours(data.results))
    rows = SideBySide(data.samples)
    return pack_records(board, board.cells, rows, METRICS, candidates, limit=limit, damages=rows.damages)


def test_the_index_has_the_numbers_of_all_records() -> None:
    """Columns in the order of the records, with the head: metrics, candidates, and where each chunk starts."""
    packed = pack([sample(index, ROW, "yes" * index, scores={"meteor": index / 4}) for index in (0, 1, 3)])

    index = inflate(packed.index)
    assert ("dolly", "a", [0, 1, 3], [0]) == (index["dataset"], index["best"], index["indexes"], index["starts"])
    assert ["meteor", "rougeL", "bertscore"] == [metric["name"] for metric in index["metrics"]]
    assert [{"name": "a", "prompt": "alpaca", "colour": 0}] == index["candidates"]
    (numbers,) = index["numbers"]
    assert ([0.0, 0.25, 0.75], [0, 3, 9]) == (numbers["scores"][0], numbers["characters"])
    assert (3, True, ()) == (packed.shown, packed.is_complete, packed.damages)


def test_texts_are_in_chunks_that_stand_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each has its own forms of prompts; together they have every record once."""
    monkeypatch.setattr(pages, "CHUNK_CHARACTERS", 600)
    records = [{"instruction": f"Say {index}.", "response": "r"} for index in range(20)]
    lines = [sample(place, row, "yes", prompt=f"{row['instruction']} Now.") for place, row in enumerate(records)]

    packed = pack(lines)

    chunks = [inflate(chunk) for chunk in packed.chunks]
    assert 2 < len(chunks) < 20
    assert inflate(packed.index)["starts"] == [sum(len(c["records"]) for c in chunks[:at]) for at in range(len(chunks))]
    assert [[["instruction"], " Now."]] == chunks[-1]["forms"]
    shown = [dict(record["fields"])["instruction"] for chunk in chunks for record in chunk["records"]]
    assert [row["instruction"] for row in records] == shown


def test_records_beyond_the_limit_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are not read either, except for those of the chunk that did not fit; the index has those that are shown."""
    monkeypatch.setattr(pages, "CHUNK_CHARACTERS", 600)
    read: list[int] = []

    def lines() -> Iterator[Sample]:
        for index in range(1000):
            read.append(index)
            yield sample(index, ROW, f"answer {index}", scores={"meteor": 0.5})

    data = one_cell([sample(0, ROW, "yes")])
    (board,) = data.results.leaderboards
    rows = SideBySide({"a@dolly": lines()})
    candidates = Candidates(colours={"a": 0})
    packed = pack_records(board, board.cells, rows, METRICS, candidates, limit=2000)

    assert not packed.is_complete
    assert 10 < packed.shown < 200
    assert len(read) < packed.shown + 30
    assert packed.shown == sum(len(inflate(chunk)["records"]) for chunk in packed.chunks)
    assert packed.shown == len(inflate(packed.index)["indexes"]) == len(inflate(packed.index)["numbers"][0]["marks"])
    assert 2000 > sum(map(len, packed.chunks))


def test_broken_unicode_survives() -> None:
    """Half a surrogate pair, which UTF-8 cannot hold, is escaped."""
    assert "odd \ud800 text" == inflate(deflate("odd \ud800 text"))


def test_candidates_without_samples_have_no_column() -> None:
    """One that failed before it answered anything."""
    data = report_data(("tuned", "base"))
    (board,) = data.results.leaderboards

    assert {"tuned", "base"} == {cell.candidate for cell in board_cells(board, data.samples)}
    assert () == board_cells(board, {})
