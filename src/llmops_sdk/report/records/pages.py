"""The records of a leaderboard as the page holds them: an index of numbers, and compressed chunks of texts.

The page sorts and filters by the index alone, and inflates a chunk when a record of it is shown.
"""

from __future__ import annotations

import base64
import json
import re
import zlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import attrs

from llmops_sdk.report.records.packing import AnswerNumbers, Column, Forms, pack_record
from llmops_sdk.report.records.streams import Row
from llmops_sdk.values.results import CellResult, FailedCell, Leaderboard
from llmops_sdk.values.scores import Metric

CHUNK_CHARACTERS = 128_000
"""JSON of a chunk, about: it is inflated at once. A record that is longer has a chunk of its own."""

_LEVEL = 6
_SURROGATES = re.compile("[\ud800-\udfff]")


@attrs.frozen
class PackedRecords:
    """The records of one leaderboard, each text as zlib and base64.

    Attributes:
        index: The head and the numbers of all records.
        chunks: The texts, in the order of the records.
        shown: The number of records in it.
        is_complete: Whether no record was left out.
        damages: What cannot be read of the samples of a cell.
    """

    index: str
    chunks: tuple[str, ...]
    shown: int
    is_complete: bool
    damages: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """Bytes that they take in the page."""
        return len(self.index) + sum(map(len, self.chunks))


@attrs.frozen(kw_only=True)
class DatasetRecords:
    """The records of one dataset, as the page has them.

    Attributes:
        dataset: The dataset.
        packed: The records.
        total: Test records.
        files: The files of the run's record that have all of them.
    """

    dataset: str
    packed: PackedRecords
    total: int
    files: tuple[str, ...]


@attrs.frozen(kw_only=True)
class Candidates:
    """What the page needs to know of the candidates, beside their results.

    Attributes:
        colours: Candidate to its colour.
        graders: Candidate to a number for each metric, in their order: two candidates whose numbers differ were graded
            in different ways, and are not compared in this metric. Empty where all are graded alike.
        runs: Candidate to the letter of its run, which may lack records of the others; empty for one run.
    """

    colours: Mapping[str, int]
    graders: Mapping[str, Sequence[int]] = attrs.field(factory=dict)
    runs: Mapping[str, str] = attrs.field(factory=dict)


def board_cells(board: Leaderboard, samples: Iterable[str]) -> tuple[CellResult | FailedCell, ...]:
    """Return the candidates of a leaderboard that have samples, the best mean first.

    Args:
        board: The leaderboard.
        samples: The cells that have samples.
    """
    known = set(samples)
    cells: tuple[CellResult | FailedCell, ...] = (*board.cells, *board.failed)
    return tuple(cell for cell in cells if any(part.cell in known for part in parts_of(cell)))


def parts_of(cell: CellResult | FailedCell) -> tuple[CellResult | FailedCell, ...]:
    """Return the cells that a candidate consists of: its checkpoints, or itself."""
    return cell.parts if isinstance(cell, CellResult) else (cell,)


def pack_records(
    board: Leaderboard,
    cells: Sequence[CellResult | FailedCell],
    rows: Iterable[Row],
    metrics: Sequence[Metric],
    candidates: Candidates,
    *,
    limit: int,
    damages: Mapping[str, str] | None = None,
) -> PackedRecords:
    """Pack the records of a leaderboard, in the order of the rows, until they take `limit` bytes.

    Args:
        board: The leaderboard.
        cells: The candidates, in the order of the answers.
        rows: The records; they are read once, and no further than needed.
        metrics: In the order of the scores.
        candidates: Their colours and graders.
        limit: The most bytes that the records may take in the page; the first chunk is always there.
        damages: Cell name to what cannot be read of it; it may be filled while rows are read.
    """
    prompts = [cell.prompt if isinstance(cell, CellResult) else cell.cell for cell in cells]
    columns = [Column(parts_of(cell), prompt) for cell, prompt in zip(cells, prompts, strict=True)]
    builder = _Builder(len(metrics), [_Numbers([[] for _ in metrics]) for _ in columns], limit)
    for row in rows:
        packed = pack_record(row, columns, metrics, builder.forms)
        if not builder.add(row.index, packed.texts, packed.numbers):
            break
    builder.close()
    unreadable = dict(damages or {})
    head = {
        "dataset": board.dataset,
        "best": board.verdict.best,
        "metrics": [{"name": m.name, "label": m.label or m.name, "higher": m.higher_is_better} for m in metrics],
        "candidates": [
            {
                "name": cell.candidate,
                "prompt": prompt,
                "colour": candidates.colours[cell.candidate],
                **({"stopped": True} if isinstance(cell, CellResult) and cell.not_asked else {}),
                **({"damaged": True} if any(part.cell in unreadable for part in parts_of(cell)) else {}),
                **({"run": candidates.runs[cell.candidate]} if candidates.runs else {}),
                **({"graders": list(candidates.graders[cell.candidate])} if candidates.graders else {}),
            }
            for cell, prompt in zip(cells, prompts, strict=True)
        ],
        "starts": builder.starts,
        "indexes": builder.indexes,
        "numbers": [attrs.asdict(numbers) for numbers in builder.numbers],
    }
    return PackedRecords(
        deflate(head), tuple(builder.chunks), len(builder.indexes), builder.is_complete, tuple(unreadable.values())
    )


def deflate(value: Any) -> str:
    """Return JSON as zlib and base64; half a surrogate pair, which UTF-8 cannot hold, is escaped."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return _deflated(text)


def inflate(text: str) -> Any:
    """Return the value of which `deflate` made a text."""
    return json.loads(zlib.decompress(base64.b64decode(text)))


def _deflated(text: str) -> str:
    safe = _SURROGATES.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
    return base64.b64encode(zlib.compress(safe.encode(), _LEVEL)).decode()


@attrs.define
class _Numbers:
    """The numbers of one candidate, each list in the order of the records."""

    scores: list[list[float | None]]
    marks: list[int] = attrs.field(factory=list)
    characters: list[int | None] = attrs.field(factory=list)
    tokens: list[int | None] = attrs.field(factory=list)
    latency: list[float | None] = attrs.field(factory=list)

    def add(self, numbers: AnswerNumbers) -> None:
        """Add those of the next record."""
        for column, score in zip(self.scores, numbers.scores, strict=True):
            column.append(score)
        self.marks.append(numbers.marks)
        self.characters.append(numbers.characters)
        self.tokens.append(numbers.tokens)
        self.latency.append(numbers.latency)


@attrs.define
class _Builder:
    """Gathers records into chunks, and their numbers into an index, up to a limit."""

    metrics: int
    numbers: list[_Numbers]
    limit: int
    starts: list[int] = attrs.field(factory=list)
    indexes: list[int] = attrs.field(factory=list)
    chunks: list[str] = attrs.field(factory=list)
    forms: Forms = attrs.field(factory=Forms)
    is_complete: bool = True
    _texts: list[str] = attrs.field(factory=list)
    _length: int = 0
    _bytes: int = 0
    _pending: list[tuple[int, tuple[AnswerNumbers, ...]]] = attrs.field(factory=list)

    def add(self, index: int, texts: dict[str, Any], numbers: tuple[AnswerNumbers, ...]) -> bool:
        """Add a record; return False if the limit was reached, with the chunk that did not fit left out."""
        text = json.dumps(texts, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        self._texts.append(text)
        self._length += len(text)
        self._pending.append((index, numbers))
        return self._length < CHUNK_CHARACTERS or self._end_chunk()

    def close(self) -> None:
        """End the last chunk."""
        if self._texts and self.is_complete:
            self._end_chunk()

    def _end_chunk(self) -> bool:
        chunk = _deflated(f'{{"forms":{self.forms.json},"records":[{",".join(self._texts)}]}}')
        if self.chunks and self._bytes + len(chunk) > self.limit:
            self.is_complete = False
            return False
        self.starts.append(len(self.indexes))
        self.chunks.append(chunk)
        self._bytes += len(chunk)
        for index, numbers in self._pending:
            self.indexes.append(index)
            for column, own in zip(self.numbers, numbers, strict=True):
                column.add(own)
        self.forms = Forms()
        self._texts, self._length, self._pending = [], 0, []
        return True
