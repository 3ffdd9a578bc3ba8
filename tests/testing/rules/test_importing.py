"""Trials of importers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from llmops_sdk.plugin import Answer, Context, DataError, ImportedResults, ImportedRow, Importer, ImporterCard, Metric

from .conftest import Try, text


class Tool(Importer):
    """A good importer of lines of JSON, which subclasses spoil."""

    def recognizes(self, path: Path) -> bool:
        return path.read_bytes().startswith(b'{"tool"')

    def read(self, context: Context, path: Path) -> Iterator[ImportedResults]:
        try:
            rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
            keys = [str(row["key"]) for row in rows]
        except (ValueError, KeyError, TypeError) as exc:
            message = f"{path.name}: {exc}"
            raise DataError(message) from exc
        imported = (ImportedRow(key, {}, Answer(scores={"score": self.score})) for key in keys)
        yield ImportedResults("tool", "data", (Metric("score"),), imported)

    score = 0.5


class Everything(Tool):
    """Recognizes every file."""

    def recognizes(self, path: Path) -> bool:
        return bool(path)


class Crashes(Tool):
    """Fails for an empty file."""

    def recognizes(self, path: Path) -> bool:
        return "key" in json.loads(path.read_text(encoding="utf-8").splitlines()[0])


class ReadsAnything(Tool):
    """Reads what is no text."""

    def read(self, context: Context, path: Path) -> Iterator[ImportedResults]:
        json.loads(path.read_text(encoding="utf-8"))
        return super().read(context, path)


class NotFinite(Tool):
    """Has a number that is none."""

    score = float("nan")


@pytest.fixture(name="file")
def _file(tmp_path: Path) -> Path:
    """A file of the tool."""
    path = tmp_path / "results.jsonl"
    path.write_text('{"tool": 1, "key": "a"}', encoding="utf-8")
    return path


def card(cls: type) -> ImporterCard:
    """Return the card of a class of this module."""
    return ImporterCard(name="own", summary="own", load=f"{__name__}:{cls.__name__}")


def test_a_good_importer_breaks_nothing(tried: Try, file: Path) -> None:
    """The result has its rows; without a file there is nothing to read."""
    outcome = tried(card(Tool), file=file)

    assert [] == outcome.problems
    assert "a" == outcome.result[0]["rows"][0]["key"]
    assert "inputs: it needs a file to read: file=" in text(tried(card(Tool)))


@pytest.mark.parametrize(
    ("cls", "line"),
    [
        (Everything, "empty-input: recognizes returned True for a file that is empty"),
        (Crashes, "empty-input: recognizes raised IndexError"),
        (ReadsAnything, "empty-input: reading a file that is binary raised UnicodeDecodeError"),
        (NotFinite, "numbers: row 'a': score is nan"),
    ],
)
def test_what_breaks_the_contract_is_named(tried: Try, file: Path, cls: type, line: str) -> None:
    """Each in one line."""
    assert line in text(tried(card(cls), file=file))
