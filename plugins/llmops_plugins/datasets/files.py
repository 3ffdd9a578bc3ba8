"""The datasets `file`, `jsonl` and `csv`: files of rows in any format, found by their content."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import ClassVar

from llmops_plugins.datasets.options import CsvOptions, FileOptions
from llmops_plugins.datasets.records import first_record, table_mapping
from llmops_plugins.datasets.splitting import Source, make_splits, split_fingerprint
from llmops_sdk.plugin import (
    Context,
    DataError,
    DatasetSource,
    DatasetSplits,
    NamedRow,
    Record,
    Table,
    digest,
    file_sha256,
    open_table,
)

_SMALL = 2 * 2**20


class FileDataset(DatasetSource):
    """Loads the records of a file, split by a fraction or with a second file as the test split.

    Attributes:
        text: What a text file is: `json`, `csv`, or empty to decide by its content.
    """

    options: FileOptions
    text: ClassVar[str] = ""

    def fingerprint(self, context: Context) -> str:
        """Return the hash of the files' contents, and of whether a model is fine-tuned, which decides the split."""
        hashes = [file_sha256(path) for path in self._paths().values()]
        return digest([*split_fingerprint(hashes[0], context), *hashes[1:]])

    def preview(self) -> Record | None:
        """Return the first record of the file, after a look at the file with the test split; see `DatasetSource.preview`."""
        mapping = table_mapping(self.options)
        records = [first_record(partial(self._rows, path), mapping) for path in self._paths().values()]
        return records[0]

    @property
    def is_small(self) -> bool:
        """Whether the files have at most 2 MB together."""
        return sum(path.stat().st_size for path in self._paths().values()) <= _SMALL

    def load(self, context: Context) -> DatasetSplits:
        """Write the splits.

        Raises:
            DataError: Names the file and the row that cannot be used, and how to fix it.
        """
        paths = self._paths()
        tables = {name: self._table(path) for name, path in paths.items()}
        for table in tables.values():
            if not table.is_as_named:
                context.progress.log(f"{table.path.name!r} is {table.description}, whatever its name says")
        hashes = {f"{name}_sha256": file_sha256(path) for name, path in paths.items()}
        source = Source(
            read=tables["path"].rows,
            read_test=tables["test_path"].rows if "test_path" in tables else None,
            is_one=len(hashes) > 1 and len(set(hashes.values())) == 1,
            details={
                **{name: str(path) for name, path in paths.items()},
                **hashes,
                "format": tables["path"].description,
            },
        )
        return make_splits(context, self.options, table_mapping(self.options), source)

    def _rows(self, path: Path) -> Iterator[NamedRow]:
        return self._table(path).rows()

    def _table(self, path: Path) -> Table:
        separator = self.options.delimiter if isinstance(self.options, CsvOptions) else ""
        return open_table(path, encoding=self.options.encoding, separator=separator, text=self.text)

    def _paths(self) -> dict[str, Path]:
        named = {"path": self.options.path, "test_path": self.options.test_path}
        return {name: existing_file(path) for name, path in named.items() if path}


class JsonlDataset(FileDataset):
    """A file whose text is JSON: one object a line, a list of objects, or objects over several lines."""

    text = "json"


class CsvDataset(FileDataset):
    """A file whose text is a table with a header."""

    text = "csv"


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


def read_rows(path: Path) -> Iterator[NamedRow]:
    """Yield the rows of a file of JSON lines with known fields."""
    return open_table(path, text="json").rows()
