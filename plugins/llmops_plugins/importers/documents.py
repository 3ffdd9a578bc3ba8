"""A large JSON document, read in parts: at most one element of its list is in memory."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn, TextIO

from llmops_sdk.plugin import DataError

_CHUNK = 1 << 18
# An error this close to the end of what was read may be due to a number, a word or an escape that is cut there.
_CUT = 32
_SPACE = re.compile(r"[ \t\r\n]*")
_DECODER = json.JSONDecoder()


class Document:
    """The parts of a JSON document in their order.

    Args:
        file: The document.
        name: Its name in messages.
    """

    def __init__(self, file: TextIO, name: str) -> None:
        self._file = file
        self._name = name
        self._buffer = ""
        self._place = 0
        self._is_all = False

    def members(self) -> Iterator[str]:
        """Yield the names of the members of the object that comes next. Read each one's value before the next name.

        Raises:
            DataError: It is no object.
        """
        yield from self._parts("{", "}", self._member)

    def elements(self) -> Iterator[Any]:
        """Yield the elements of the list that comes next.

        Raises:
            DataError: It is no list.
        """
        yield from self._parts("[", "]", self.value)

    def value(self) -> Any:
        """Return the value that comes next.

        Raises:
            DataError: It is no JSON, or the document ends inside it.
        """
        self.next_character()
        while True:
            try:
                value, end = _DECODER.raw_decode(self._buffer, self._place)
            except json.JSONDecodeError as exc:
                may_be_cut = exc.msg.startswith("Unterminated string") or exc.pos > len(self._buffer) - _CUT
                if self._is_all or not may_be_cut:
                    self._fail()
            except RecursionError:
                self._fail()
            else:
                if end < len(self._buffer) or self._is_all:
                    self._place = end
                    return value
            self._read()

    def next_character(self) -> str:
        """Return the next character that is no space; empty at the end."""
        while True:
            space = _SPACE.match(self._buffer, self._place)
            self._place = space.end() if space else self._place
            if self._place < len(self._buffer) or self._is_all:
                return self._buffer[self._place : self._place + 1]
            self._read()

    def _member(self) -> str:
        name = self.value()
        self._take(":")
        return str(name)

    def _parts(self, start: str, end: str, read: Any) -> Iterator[Any]:
        self._take(start)
        if self.next_character() == end:
            self._place += 1
            return
        while True:
            yield read()
            if self.next_character() == end:
                self._place += 1
                return
            self._take(",")

    def _take(self, character: str) -> None:
        if self.next_character() != character:
            self._fail()
        self._place += 1

    def _read(self) -> None:
        """Read more, at least as much as is there already: a long value is then decoded only a few times."""
        rest = self._buffer[self._place :]
        more = self._file.read(max(_CHUNK, len(rest)))
        self._is_all = not more
        self._buffer, self._place = rest + more, 0

    def _fail(self) -> NoReturn:
        near = self._buffer[self._place : self._place + 20]
        where = f"near {near!r}" if near else "at its end"
        message = f"{self._name} is not complete JSON {where}: is the file cut off or still being written?"
        raise DataError(message)


@contextmanager
def open_document(path: Path) -> Iterator[Document]:
    """Open a JSON document.

    Raises:
        DataError: The file cannot be read, or is not UTF-8.
    """
    try:
        with path.open(encoding="utf-8-sig") as file:
            yield Document(file, repr(str(path)))
    except OSError as exc:
        message = f"cannot read {str(path)!r}: {exc.strerror or exc}"
        raise DataError(message) from None
    except UnicodeDecodeError as exc:
        message = f"{str(path)!r} is not UTF-8 at byte {exc.start}"
        raise DataError(message) from None
