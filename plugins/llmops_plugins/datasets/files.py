"""What the datasets that are read from files have in common."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from llmops_plugins.datasets.options import FileOptions
from llmops_plugins.datasets.rows import make_splits, shape_of
from llmops_sdk.plugin import Context, DataError, DatasetSource, DatasetSplits, Record, digest, file_sha256, read_jsonl


class FileDataset(DatasetSource):
    """Brings the rows of a file, split by a fraction or with a second file of test rows."""

    options: FileOptions

    @abstractmethod
    def read(self, path: Path) -> Iterator[tuple[str, Record]]:
        """Yield the records of one file, each with what messages call it."""

    def fingerprint(self, context: Context) -> str:
        """Return the hash of the files' contents."""
        return digest([file_sha256(path) for path in self._paths().values()])

    def load(self, context: Context) -> DatasetSplits:
        """Write the splits.

        Raises:
            DataError: Names the file and the record that cannot be used, and how to mend it.
        """
        paths = self._paths()
        source = {name: str(path) for name, path in paths.items()}
        hashes = {f"{name}_sha256": file_sha256(path) for name, path in paths.items()}
        return make_splits(
            context,
            self.options,
            shape_of(self.options),
            partial(self.read, paths["path"]),
            read_test=partial(self.read, paths["test_path"]) if "test_path" in paths else None,
            source={**source, **hashes},
        )

    def _paths(self) -> dict[str, Path]:
        named = {"path": self.options.path, "test_path": self.options.test_path}
        return {name: located(path) for name, path in named.items() if path}


def located(path: str) -> Path:
    """Return the absolute path of the file that an option names.

    Raises:
        DataError: There is no such file.
    """
    found = Path(path).expanduser().absolute()
    if not found.is_file():
        message = f"the data file {str(found)!r} is {'a folder, not a file' if found.is_dir() else 'not there'}"
        raise DataError(message)
    return found


def numbered(path: Path) -> Iterator[tuple[str, Record]]:
    """Yield the records of a JSONL file, each with what messages call it."""
    for number, record in enumerate(read_jsonl(path), start=1):
        yield f"record {number} of {path.name!r}", record
