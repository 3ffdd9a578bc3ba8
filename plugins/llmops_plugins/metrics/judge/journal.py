"""The journal of a judge: each answer is written as it arrives, and a resumed scoring asks nothing twice."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import attrs

FILE = "judgments.jsonl"


@attrs.frozen
class Judgment:
    """One answer of a judge.

    Attributes:
        text: What it wrote.
        finish_reason: `stop`, `length` or empty.
    """

    text: str
    finish_reason: str = ""


class Journal:
    """The judgments of one evaluation, one per line, found by their keys; only the keys are held in memory.

    Args:
        folder: The folder of the file. A last line that a kill left truncated is dropped.
    """

    def __init__(self, folder: Path) -> None:
        path = folder / FILE
        path.touch()
        self._file = path.open("r+b")
        self._places: dict[str, int] = {}
        self.models: set[str] = set()
        place = 0
        for line in iter(self._file.readline, b""):
            if not line.endswith(b"\n"):
                break
            self._index(json.loads(line), place)
            place += len(line)
        self._file.truncate(place)

    @property
    def is_empty(self) -> bool:
        """Whether it has no answer."""
        return not self._places

    def find(self, key: str) -> Judgment | None:
        """Return the answer under a key, or None."""
        place = self._places.get(key)
        if place is None:
            return None
        self._file.seek(place)
        line = json.loads(self._file.readline())
        return Judgment(line["text"], line["finish_reason"])

    def add(self, key: str, judgment: Judgment) -> None:
        """Store an answer under its key."""
        self._write({"key": key, **attrs.asdict(judgment)})

    def add_model(self, model: str) -> None:
        """Store a model's name as the server reported it."""
        self._write({"model": model})

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _write(self, line: dict[str, str]) -> None:
        place = self._file.seek(0, 2)
        self._file.write(json.dumps(line).encode("ascii") + b"\n")
        self._file.flush()
        self._index(line, place)

    def _index(self, line: dict[str, Any], place: int) -> None:
        if "key" in line:
            self._places[line["key"]] = place
        else:
            self.models.add(line["model"])


def reported_models(folder: Path) -> tuple[str, ...]:
    """Return the names of the models in a folder's journal, as the judge's server reported them."""
    path = folder / FILE
    if not path.exists():
        return ()
    with path.open("rb") as file:
        return tuple(sorted({line["model"] for line in map(json.loads, file) if "model" in line}))
