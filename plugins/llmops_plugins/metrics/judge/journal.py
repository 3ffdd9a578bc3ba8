"""The journal of a judge: what it answered, kept as it comes, so that a killed scoring asks nothing twice."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs

FILE = "judgments.jsonl"


@attrs.frozen
class Judgment:
    """What a judge answered once.

    Attributes:
        text: Its own words.
        finish_reason: `stop`, `length` or empty.
    """

    text: str
    finish_reason: str = ""


class Journal:
    """The judgments of one evaluation, one a line, found by their keys; only the keys are held in memory.

    Args:
        folder: Where the file is, or will be. A last line that was torn by a kill is dropped.
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
            self._learn(json.loads(line), place)
            place += len(line)
        self._file.truncate(place)

    def find(self, key: str) -> Judgment | None:
        """Return what was answered under a key, or None."""
        place = self._places.get(key)
        if place is None:
            return None
        self._file.seek(place)
        line = json.loads(self._file.readline())
        return Judgment(line["text"], line["finish_reason"])

    def keep(self, key: str, judgment: Judgment) -> None:
        """Keep an answer under its key."""
        self._write({"key": key, **attrs.asdict(judgment)})

    def keep_model(self, model: str) -> None:
        """Keep a model's name as the server told it."""
        self._write({"model": model})

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _write(self, line: dict[str, str]) -> None:
        place = self._file.seek(0, 2)
        self._file.write(json.dumps(line).encode("ascii") + b"\n")
        self._file.flush()
        self._learn(line, place)

    def _learn(self, line: dict[str, Any], place: int) -> None:
        if "key" in line:
            self._places[line["key"]] = place
        else:
            self.models.add(line["model"])


def told_models(folder: Path) -> tuple[str, ...]:
    """Return the names of the models that the journal's judge had, as its server told them."""

    def lines() -> Iterator[dict[str, str]]:
        with (folder / FILE).open("rb") as file:
            yield from map(json.loads, file)

    return tuple(sorted({line["model"] for line in lines() if "model" in line})) if (folder / FILE).exists() else ()
