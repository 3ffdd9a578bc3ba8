"""JSONL files of records, read as a stream."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import attrs

from llmops_sdk.data.file_formats import name_other_format, name_other_json, read_head
from llmops_sdk.errors import DataError
from llmops_sdk.values.data import Record

_BOM = b"\xef\xbb\xbf"


def read_jsonl(path: Path, *, strict: bool = True) -> Iterator[Record]:
    """Yield the records of a JSONL file, one line at a time: UTF-8, one JSON object a line, blank lines skipped.

    Args:
        path: The file; a UTF-8 byte order mark at its start is accepted.
        strict: Refuse values that JSON has no place for. If not, NaN and infinite numbers are floats (so are integers of
            more than 4,000 digits), and a text may have half of a surrogate pair.

    Raises:
        DataError: The file is missing, unreadable or empty, or a line is not UTF-8, not JSON or not an object; the
            message names the file, the line and the position, or what the file is instead.
    """
    try:
        head = read_head(path)
        file = path.open("rb")
    except FileNotFoundError:
        message = f"there is no file {str(path)!r}"
        raise DataError(message) from None
    except OSError as exc:
        message = f"the file {str(path)!r} cannot be read: {exc.strerror or exc}"
        raise DataError(message) from exc
    with file:
        problem = name_other_format(head)
        if problem:
            message = f"the file {str(path)!r} {problem}"
            raise DataError(message)
        empty = True
        start = 0
        for number, line in enumerate(file, start=1):
            content = line.removeprefix(_BOM) if number == 1 else line
            if content.strip():
                yield _record(
                    content, path, _Place(number, start + len(line) - len(content), first=empty), strict=strict
                )
                empty = False
            start += len(line)
    if empty:
        message = f"the file {str(path)!r} has no records"
        raise DataError(message)


@attrs.frozen
class _Place:
    """Where a line is.

    Attributes:
        number: Of the line, from 1.
        offset: Of its first byte in the file.
        first: Whether it is the first that is not blank.
    """

    number: int
    offset: int
    first: bool


def _record(line: bytes, path: Path, place: _Place, *, strict: bool) -> Record:
    where = f"line {place.number} of {str(path)!r}"
    try:
        text = line.decode()
        record = (_strict if strict else _lenient).decode(text)
        if strict and b"\\u" in line:  # JSON can express half of a surrogate pair, which no UTF-8 file can hold
            json.dumps(record, ensure_ascii=False).encode()
    except UnicodeDecodeError as exc:
        message = (
            f"{where} is not UTF-8 at byte {place.offset + exc.start} of the file ({line[exc.start]:#04x});"
            " re-encode it, for example: iconv -f WINDOWS-1252 -t UTF-8 FILE > NEW_FILE"
        )
        raise DataError(message) from None
    except UnicodeEncodeError:
        message = f"{where} contains half of a surrogate pair (\\ud800 to \\udfff), which is not a character"
        raise DataError(message) from None
    except json.JSONDecodeError as exc:
        _refuse_other_json(path, text, place)
        message = f"{where} is not JSON at column {exc.colno}: {exc.msg.lower()}; each line must be one JSON object"
        raise DataError(message) from None
    except (ValueError, RecursionError) as exc:
        message = f"{where} contains a value that cannot be stored as JSON: {exc}"
        raise DataError(message) from None
    if not isinstance(record, dict):
        _refuse_other_json(path, text, place)
        message = f"{where} is {_kind(record)}, not an object; each line must be one JSON object"
        raise DataError(message)
    return record


def _refuse_other_json(path: Path, text: str, place: _Place) -> None:
    """Refuse the whole file if its first line shows that it is not one object a line.

    Raises:
        DataError: It is a JSON list, an object over several lines, or CSV.
    """
    problem = name_other_json(path, text) if place.first else ""
    if problem:
        message = f"the file {str(path)!r} {problem}"
        raise DataError(message)


def _kind(value: object) -> str:
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    return "a list" if isinstance(value, list) else "a string" if isinstance(value, str) else "a number"


def _refuse_constant(name: str) -> NoReturn:
    message = f"{name} is not a JSON number; write null or omit the field"
    raise ValueError(message)


def _integer(digits: str) -> int | float:
    """Return an integer, or an infinite float if it has more digits than Python reads."""
    try:
        return int(digits)
    except ValueError:
        return float(digits)


_strict = json.JSONDecoder(parse_constant=_refuse_constant)
_lenient = json.JSONDecoder(parse_int=_integer)
