"""JSONL files of records, read as a stream."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

from llmops_sdk.errors import DataError
from llmops_sdk.values.data import Record

_BOM = b"\xef\xbb\xbf"


def read_jsonl(path: Path) -> Iterator[Record]:
    """Yield the records of a JSONL file, one line at a time: UTF-8, one JSON object a line, blank lines skipped.

    Args:
        path: The file; a UTF-8 byte order mark at its start is accepted.

    Raises:
        DataError: The file is missing, unreadable or empty, or a line is not UTF-8, not JSON or not an object; the
            message names the file, the line and the position.
    """
    try:
        file = path.open("rb")
    except FileNotFoundError:
        message = f"there is no file {str(path)!r}"
        raise DataError(message) from None
    except OSError as exc:
        message = f"the file {str(path)!r} cannot be read: {exc.strerror or exc}"
        raise DataError(message) from exc
    empty = True
    with file:
        start = 0
        for number, line in enumerate(file, start=1):
            if number == 1:
                _refuse_other_encodings(line, path)
            content = line.removeprefix(_BOM) if number == 1 else line
            if content.strip():
                empty = False
                yield _record(content, path, number, start + len(line) - len(content))
            start += len(line)
    if empty:
        message = f"the file {str(path)!r} has no records"
        raise DataError(message)


def _refuse_other_encodings(first_line: bytes, path: Path) -> None:
    if first_line.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in first_line[:4]:
        message = f"the file {str(path)!r} is UTF-16 or UTF-32, not UTF-8: iconv -f UTF-16 -t UTF-8 FILE > NEW_FILE"
        raise DataError(message)


def _record(line: bytes, path: Path, number: int, offset: int) -> Record:
    where = f"line {number} of {str(path)!r}"
    try:
        text = line.decode()
        record = _reader.decode(text)
        if b"\\u" in line:  # JSON can express half of a surrogate pair, which no UTF-8 file can hold
            json.dumps(record, ensure_ascii=False).encode()
    except UnicodeDecodeError as exc:
        message = (
            f"{where} is not UTF-8 at byte {offset + exc.start} of the file ({line[exc.start]:#04x});"
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
        message = f"{where} is {_kind(record)}, not an object; each line must be one JSON object"
        raise DataError(message)
    return record


def _kind(value: object) -> str:
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    return "a list" if isinstance(value, list) else "a string" if isinstance(value, str) else "a number"


def _refuse_constant(name: str) -> NoReturn:
    message = f"{name} is not a JSON number; write null or omit the field"
    raise ValueError(message)


_reader = json.JSONDecoder(parse_constant=_refuse_constant)
