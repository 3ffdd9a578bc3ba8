"""JSON lines: one object a line, read as a stream."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import attrs

from llmops_sdk.data.files.compression import open_plain, read_plain_head
from llmops_sdk.data.files.formats import name_other_format
from llmops_sdk.data.files.json_decoders import LENIENT, STRICT
from llmops_sdk.errors import DataError
from llmops_sdk.values.data import Record

_BOM = b"\xef\xbb\xbf"


def read_jsonl(path: Path, *, strict: bool = True) -> Iterator[Record]:
    """Yield the records of a JSONL file, one line at a time: UTF-8, one JSON object a line, blank lines skipped.

    Args:
        path: The file; a UTF-8 byte order mark at its start is accepted, and gzip, zstd, bzip2 and xz are decompressed.
        strict: Refuse values that JSON has no place for. If not, NaN and infinite numbers are floats (so are integers of
            more than 4,000 digits), and a text may have half of a surrogate pair.

    Raises:
        DataError: The file is missing, unreadable or empty, or a line is not UTF-8, not JSON or not an object; the
            message names the file, the line and the position, or what the file is instead.
    """
    problem = name_other_format(read_plain_head(path))
    if problem:
        message = f"the file {str(path)!r} {problem}"
        raise DataError(message)
    with open_plain(path) as file:
        for _, record in parse_lines(file, repr(str(path)), strict=strict):
            yield record


def parse_lines(lines: Iterable[bytes], name: str, *, strict: bool) -> Iterator[tuple[int, Record]]:
    """Yield the objects of JSON lines, each with its line's number.

    Args:
        lines: UTF-8.
        name: The file's name in messages.
        strict: As in `read_jsonl`.

    Raises:
        DataError: There is none, or a line is not UTF-8, not JSON or not an object.
    """
    empty = True
    start = 0
    for number, line in enumerate(lines, start=1):
        content = line.removeprefix(_BOM) if number == 1 else line
        if content.strip():
            yield number, _record(content, name, _Place(number, start + len(line) - len(content)), strict=strict)
            empty = False
        start += len(line)
    if empty:
        message = f"the file {name} has no records"
        raise DataError(message)


@attrs.frozen
class _Place:
    """Where a line is.

    Attributes:
        number: Of the line, from 1.
        offset: Of its first byte in the file.
    """

    number: int
    offset: int


def _record(line: bytes, name: str, place: _Place, *, strict: bool) -> Record:
    where = f"line {place.number} of {name}"
    try:
        record = (STRICT if strict else LENIENT).decode(line.decode())
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
        message = f"{where} is not JSON at column {exc.colno}: {exc.msg.lower()}; each line must be one JSON object"
        raise DataError(message) from None
    except (ValueError, RecursionError) as exc:
        message = f"{where} contains a value that cannot be stored as JSON: {exc}"
        raise DataError(message) from None
    if not isinstance(record, dict):
        message = f"{where} is {json_kind(record)}, not an object; each line must be one JSON object"
        raise DataError(message)
    return record


def json_kind(value: object) -> str:
    """Return what a JSON value is, in a word or two.

    >>> json_kind([1]), json_kind(None), json_kind(2)
    ('a list', 'null', 'a number')
    """
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    return "a list" if isinstance(value, list) else "a string" if isinstance(value, str) else "a number"
