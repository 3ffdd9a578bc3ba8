"""JSONL files: one JSON object a line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from llmops_plugins.datasets.files import FileDataset, numbered
from llmops_sdk.plugin import Record


class JsonlDataset(FileDataset):
    """Brings the rows of a JSONL file."""

    def read(self, path: Path) -> Iterator[tuple[str, Record]]:
        """Yield the records of one file, each with what messages call it."""
        return numbered(path)
