"""The dataset that a function marked with `@dataset` is."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs

from llmops_sdk.data.json_values import NO_JSON, json_value
from llmops_sdk.errors import DataError
from llmops_sdk.functions.calls import FAILURES, bind, describe
from llmops_sdk.plugin.context import Context
from llmops_sdk.plugin.functions.options import DatasetFunctionOptions
from llmops_sdk.plugin.interfaces import DatasetSource
from llmops_sdk.values.data import DatasetSplits

ROWS = "file"
"""The dataset that maps and splits the rows."""

_SHOWN = 100


class FunctionDataset(DatasetSource):
    """Writes what the function yields into a file, which the dataset `file` then maps and splits."""

    options: DatasetFunctionOptions

    def fingerprint(self, context: Context) -> str:
        """Return whether a model is fine-tuned, which decides the split; the code and its files are in the key already."""
        return "" if context.trains else "no model is fine-tuned"

    def load(self, context: Context) -> DatasetSplits:
        """Write the splits.

        Raises:
            DataError: Names the record that cannot be used, or the line of the function that failed.
        """
        function = self.options.function
        path = context.folder / f"{function.name}.jsonl"
        with path.open("w", encoding="utf-8") as out:
            for number, row in enumerate(self._rows(context), start=1):
                out.write(f"{self._line(number, row)}\n")
        try:
            source = context.make("dataset", ROWS, {**self.options.split, "path": str(path)})
            splits: DatasetSplits = source.load(context.for_card("dataset", ROWS))
        except DataError as exc:
            message = str(exc).replace(str(path), path.name).replace(path.name, function.reference)
            raise DataError(message) from exc
        path.unlink()
        details = {
            name: value for name, value in splits.source.items() if name not in ("path", "path_sha256", "format")
        }
        return attrs.evolve(splits, source={"function": function.reference, "code": function.code, **details})

    def _rows(self, context: Context) -> Iterator[Any]:
        function = self.options.function
        bound = bind(function, "dataset", self.options.options)
        try:
            yield from bound(context=context)
        except FAILURES as exc:
            message = f"dataset {function.name!r} failed: {describe(exc)}"
            raise DataError(message) from exc

    def _line(self, number: int, row: Any) -> str:
        name = self.options.function.name
        if not isinstance(row, Mapping):
            text = repr(row)
            message = f"dataset {name!r} must yield a mapping for each record; record {number} is {text[:_SHOWN]}"
            raise DataError(message)
        values = {str(key): _plain(value) for key, value in row.items()}
        wrong = next((key for key, value in values.items() if value is NO_JSON), None)
        if wrong is not None:
            kind = next(type(value).__name__ for key, value in row.items() if str(key) == wrong)
            message = f"dataset {name!r}: field {wrong!r} of record {number} is a {kind}, which JSON does not have; make it text"
            raise DataError(message)
        return json.dumps(values, ensure_ascii=False)


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Path) else json_value(value)
