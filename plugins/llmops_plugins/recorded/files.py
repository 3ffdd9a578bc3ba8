"""Reads the rows of the file with the answers, as a stream."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs

from llmops_plugins.recorded.file_options import RecordedModelOptions
from llmops_sdk.plugin import DataError, open_table


@attrs.frozen
class Row:
    """A row of the file.

    Attributes:
        place: Where it is in the file, for messages: `line 3`, `row 3`.
        fields: Its fields.
    """

    place: str
    fields: Mapping[str, Any]


def data_file(path: str) -> Path:
    """Return the absolute path of the file with the answers.

    Raises:
        DataError: There is no such file.
    """
    absolute = Path(path).expanduser().absolute()
    if not absolute.is_file():
        problem = "is a folder, not a file" if absolute.is_dir() else "does not exist"
        message = f"the file with recorded answers {str(absolute)!r} {problem}"
        raise DataError(message)
    return absolute


def read_rows(path: Path, options: RecordedModelOptions) -> Iterator[Row]:
    """Yield the rows of a file; its format is found by its content, not by its name.

    Of Bedrock's bring-your-own-response rows, which hold the responses of several models, each response is a row.

    Raises:
        DataError: The file, or a row of it, cannot be read; the message names the place and the problem.
        MissingExtraError: Its format needs a library that is not installed.
    """
    for row in open_table(path, encoding=options.encoding, separator=options.delimiter).rows():
        place = row.name.partition(" of ")[0].replace("record", "row")
        yield from _expanded(Row(place, row.values))


def _expanded(row: Row) -> Iterator[Row]:
    responses = row.fields.get("modelResponses")
    if not isinstance(responses, list):
        yield row
        return
    rest = {name: value for name, value in row.fields.items() if name != "modelResponses"}
    for response in responses:
        own = response if isinstance(response, Mapping) else {}
        fields = {"response": own.get("response"), "modelIdentifier": own.get("modelIdentifier")}
        yield Row(row.place, {**rest, **fields})
