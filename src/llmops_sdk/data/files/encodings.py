"""The encoding of a text file: its byte order mark, the one that the user has set under any of its names, or UTF-8."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator
from contextlib import suppress
from typing import BinaryIO

from llmops_sdk.data.files.formats import wide_encoding
from llmops_sdk.errors import DataError

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig", "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32", "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32", "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16", "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16", "utf-16"),
)


def is_encoding(name: str) -> bool:
    """Return whether Python knows a text encoding of this name.

    >>> is_encoding("latin1"), is_encoding("WINDOWS-1252"), is_encoding("base64"), is_encoding("utf8000")
    (True, True, False, False)
    """
    try:
        "".encode(name)
    except (LookupError, UnicodeError):
        return False
    return True


def encoding_of(head: bytes, stated: str, name: str) -> str:
    """Return the codec that reads a text file.

    Args:
        head: The first bytes of the file.
        stated: The encoding that the user has set, under any name that Python knows, or an empty text.
        name: The file's name in messages.

    Raises:
        DataError: The file's byte order mark is of another encoding than the stated one.

    >>> encoding_of(b"a,b", "UTF8", "'a.csv'"), encoding_of(b"a,b", "latin-1", "'a.csv'")
    ('utf-8', 'iso8859-1')
    """
    codec = codecs.lookup(stated).name if stated else ""
    for mark, reader, family in _MARKS:
        if head.startswith(mark):
            if codec and not codec.startswith(family):
                message = (
                    f"{name} starts with the byte order mark of {family.upper()}, but its encoding is set to"
                    f" {stated!r}: remove that option"
                )
                raise DataError(message)
            return reader
    if codec in ("", "utf-16", "utf-32"):
        return (wide_encoding(head) or codec or "utf-8").lower()
    return "utf-8" if codec == "utf-8-sig" else codec


def decoded_head(head: bytes, encoding: str) -> str:
    """Return the text of the first bytes of a file; a letter that they end in the middle of is left out."""
    text = codecs.getincrementaldecoder(encoding)("replace").decode(head)
    return text.removeprefix("\ufeff")


def text_lines(file: BinaryIO, encoding: str, name: str, *, newline: str) -> Iterator[str]:
    """Yield the lines of a text, with their ends.

    Args:
        file: The bytes.
        encoding: The codec.
        name: The file's name in messages.
        newline: As in `open`: what ends a line.

    Raises:
        DataError: The bytes are not of this encoding.
    """
    text = io.TextIOWrapper(file, encoding=encoding, newline=newline)
    number = 0
    try:
        for line in text:
            yield line
            number += 1
    except UnicodeError as exc:
        raise _not_of_encoding(name, encoding, number + 1) from exc
    finally:
        # The file is closed already where a reader is given up before its end.
        with suppress(ValueError):
            text.detach()


def _not_of_encoding(name: str, encoding: str, line: int) -> DataError:
    """Return the error of a text that is not of its encoding.

    Args:
        name: The file's name in messages.
        encoding: The codec.
        line: The first line of which some is not decoded; buffers make that the line or a later one.
    """
    known = encoding.removesuffix("-sig")
    return DataError(
        f"{name} is not {known}, at or soon after line {line}: set its encoding, for example encoding: windows-1252"
    )
