"""What all datasets from files share: their location, their hashes, and the split."""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from llmops_plugins.datasets.options import FileOptions
from llmops_plugins.datasets.records import first_record, make_splits, table_mapping
from llmops_sdk.plugin import Context, DataError, DatasetSource, DatasetSplits, Record, digest, file_sha256, read_jsonl


class FileDataset(DatasetSource):
    """Loads the records of a file, split by a fraction or with a second file as the test split."""

    options: FileOptions

    @abstractmethod
    def read(self, path: Path) -> Iterator[tuple[str, Record]]:
        """Yield the rows of one file, each with its name in messages."""

    def fingerprint(self, context: Context) -> str:
        """Return the hash of the files' contents."""
        return digest([file_sha256(path) for path in self._paths().values()])

    def preview(self) -> Record | None:
        """Return the first record of the file, after a look at the file with the test split; see `DatasetSource.preview`."""
        mapping = table_mapping(self.options)
        records = [first_record(partial(self.read, path), mapping) for path in self._paths().values()]
        return records[0]

    def load(self, context: Context) -> DatasetSplits:
        """Write the splits.

        Raises:
            DataError: Names the file and the row that cannot be used, and how to fix it.
        """
        paths = self._paths()
        source = {name: str(path) for name, path in paths.items()}
        hashes = {f"{name}_sha256": file_sha256(path) for name, path in paths.items()}
        return make_splits(
            context,
            self.options,
            table_mapping(self.options),
            partial(self.read, paths["path"]),
            read_test=partial(self.read, paths["test_path"]) if "test_path" in paths else None,
            source={**source, **hashes},
        )

    def _paths(self) -> dict[str, Path]:
        named = {"path": self.options.path, "test_path": self.options.test_path}
        return {name: existing_file(path) for name, path in named.items() if path}


def existing_file(path: str) -> Path:
    """Return the absolute path of the file that an option names.

    Raises:
        DataError: There is no such file.
    """
    absolute = Path(path).expanduser().absolute()
    if not absolute.is_file():
        missing = "is no regular file" if absolute.exists() else "does not exist"
        problem = "is a folder, not a file" if absolute.is_dir() else missing
    elif not os.access(absolute, os.R_OK):
        problem = "cannot be read: permission denied"
    else:
        return absolute
    message = f"the data file {str(absolute)!r} {problem}"
    raise DataError(message)


def read_rows(path: Path) -> Iterator[tuple[str, Record]]:
    """Yield the rows of a JSONL file, each with its name in messages."""
    for number, row in enumerate(read_jsonl(path, strict=False), start=1):
        yield f"record {number} of {path.name!r}", row
