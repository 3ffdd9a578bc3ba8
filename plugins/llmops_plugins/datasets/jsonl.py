"""The dataset `jsonl`: one JSON object a line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from llmops_plugins.datasets.files import FileDataset, read_rows
from llmops_sdk.plugin import Record


class JsonlDataset(FileDataset):
    """Loads the records of a JSONL file."""

    def read(self, path: Path) -> Iterator[tuple[str, Record]]:
        """Yield the rows of one file, each with its name in messages."""
        return read_rows(path)
