"""Parquet, Arrow and Feather files, read with pyarrow a batch of rows at a time."""

from __future__ import annotations

import io
import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO

import attrs

from llmops_sdk.data.files.compression import compressed_as, open_plain
from llmops_sdk.errors import DataError, MissingExtraError
from llmops_sdk.values.data import Record

FORMATS = ((b"PAR1", "Parquet"), (b"ARROW1", "Arrow"), (b"\xff\xff\xff\xff", "Arrow stream"), (b"FEA1", "Feather"))
"""How each starts, and its name."""

_BATCH = 1024


@attrs.frozen
class ColumnarFile:
    """A table in columns, of text, numbers and structures of them.

    Attributes:
        path: The file.
        format: One of `FORMATS`.
        name: The file's name in messages.
    """

    path: Path
    format: str
    name: str

    def rows(self) -> Iterator[tuple[int, Record]]:
        """Yield the rows, each with its number, from 1; a class label of the datasets library is its name.

        Raises:
            DataError: The file is damaged.
            MissingExtraError: pyarrow is not installed.
        """
        arrow = self._arrow()
        number = 0
        try:
            with ExitStack() as stack:
                schema, batches = self._batches(stack)
                labels = _labels(schema.metadata or {})
                for batch in batches:
                    for row in batch.to_pylist():
                        number += 1
                        yield number, _named(row, labels) if labels else row
        except (arrow.ArrowException, OSError) as exc:
            message = f"{self.name} is {self.format}, and cannot be read: {' '.join(str(exc).split())[:300]}"
            raise DataError(message) from exc
        if not number:
            message = f"the file {self.name} has no records"
            raise DataError(message)

    def _batches(self, stack: ExitStack) -> tuple[Any, Iterator[Any]]:
        file = self._seekable(stack)
        if self.format == "Parquet":
            parquet = import_module("pyarrow.parquet").ParquetFile(file)
            stack.callback(parquet.close)
            return parquet.schema_arrow, parquet.iter_batches(batch_size=_BATCH)
        if self.format == "Feather":
            table = import_module("pyarrow.feather").read_table(file)
            return table.schema, iter(table.to_batches(max_chunksize=_BATCH))
        ipc = import_module("pyarrow.ipc")
        if self.format == "Arrow stream":
            stream = stack.enter_context(ipc.open_stream(file))
            return stream.schema, iter(stream)
        reader = stack.enter_context(ipc.open_file(file))
        return reader.schema, (reader.get_batch(index) for index in range(reader.num_record_batches))

    def _seekable(self, stack: ExitStack) -> BinaryIO | Any:
        """Return the file, or a copy of it without its compression: columns are read from several places at a time."""
        if not compressed_as(self.path):
            return stack.enter_context(open_plain(self.path))
        copy = stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 - the stack closes it
        with open_plain(self.path) as plain:
            shutil.copyfileobj(plain, copy, io.DEFAULT_BUFFER_SIZE * 32)
        copy.seek(0)
        return copy

    def _arrow(self) -> Any:
        try:
            return import_module("pyarrow")
        except ImportError as exc:
            message = f"{self.name} is {self.format}, which is read with pyarrow: pip install 'llmops-sdk[datasets]'"
            raise MissingExtraError(message) from exc


def _labels(metadata: Mapping[bytes, bytes]) -> dict[str, Sequence[str]]:
    """Return the names of class labels by column, which the datasets library writes into a file's metadata."""
    try:
        features = json.loads(metadata[b"huggingface"])["info"]["features"]
        return {
            column: feature["names"]
            for column, feature in features.items()
            if isinstance(feature, dict) and feature.get("_type") == "ClassLabel" and feature.get("names")
        }
    except (KeyError, ValueError, TypeError, AttributeError):
        return {}


def _named(row: Record, labels: Mapping[str, Sequence[str]]) -> Record:
    """Replace the numbers of classes by their names; a row without a label has -1 in its place."""
    names = {column: class_name(row.get(column), texts) for column, texts in labels.items() if column in row}
    return {**row, **names}


def class_name(number: int | None, names: Sequence[str]) -> str | None:
    """Return the name of a class, or None for a row without a label.

    >>> class_name(1, ["sad", "glad"]), class_name(-1, ["sad", "glad"])
    ('glad', None)
    """
    return None if number is None or number < 0 else names[number]
