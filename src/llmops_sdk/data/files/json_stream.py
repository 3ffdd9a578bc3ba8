"""`JsonStream`: a JSON text that is read in parts, such that at most one element of a list is in memory."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO

from llmops_sdk.data.files.compression import open_plain, read_plain_head
from llmops_sdk.data.files.encodings import encoding_of
from llmops_sdk.data.files.json_decoders import LENIENT
from llmops_sdk.errors import DataError

_CHUNK = 256 * 1024
# An error this close to the end of what was read may be due to a number, a word or an escape that is cut there.
_CUT = 32
_SPACE = re.compile(r"[ \t\r\n]*")
_UNTERMINATED = "unterminated string"
_SHOWN = 20
_HEAD = 1024


class JsonStream:
    """The parts of a JSON text in their order: NaN, infinite numbers and numbers of any length are read as floats.

    Args:
        text: The text.
        name: Its name in messages.
    """

    def __init__(self, text: TextIO, name: str) -> None:
        self._text = text
        self._name = name
        self._buffer = ""
        self._place = 0
        self._number = 0
        self._is_all = False

    def next_character(self) -> str:
        """Return the next character that is no space; empty at the end."""
        while True:
            space = _SPACE.match(self._buffer, self._place)
            self._place = space.end() if space else self._place
            if self._place < len(self._buffer) or self._is_all:
                return self._buffer[self._place : self._place + 1]
            self._read()

    def value(self) -> Any:
        """Return the value that comes next.

        Raises:
            DataError: It is no JSON, or the text ends inside it.
        """
        self.next_character()
        while True:
            try:
                value, end = LENIENT.raw_decode(self._buffer, self._place)
            except json.JSONDecodeError as exc:
                problem = exc.msg.lower()
                if self._is_all or not (problem.startswith(_UNTERMINATED) or exc.pos > len(self._buffer) - _CUT):
                    raise self._no_json(problem, exc.pos) from None
            except RecursionError as exc:
                raise self._no_json(str(exc), self._place) from None
            else:
                if end < len(self._buffer) or self._is_all:
                    self._place = end
                    return value
            self._read()

    def values(self) -> Iterator[Any]:
        """Yield the values up to the end of the text, one after the other.

        Raises:
            DataError: One is no JSON.
        """
        while self.next_character():
            self._number += 1
            yield self.value()

    def elements(self) -> Iterator[Any]:
        """Yield the elements of the list that comes next.

        Raises:
            DataError: It is no list.
        """
        outer, self._number = self._number, 0
        for _ in self._parts("[", "]"):
            self._number += 1
            yield self.value()
        self._number = outer

    def members(self) -> Iterator[str]:
        """Yield the names of the members of the object that comes next. Read each one's value before the next name.

        Raises:
            DataError: It is no object.
        """
        for _ in self._parts("{", "}"):
            name = self.value()
            self._take(":")
            yield str(name)

    def end(self) -> None:
        """Check that nothing follows.

        Raises:
            DataError: Something does.
        """
        if self.next_character():
            problem = "something follows its list"
            raise self._no_json(problem, self._place)

    def _parts(self, start: str, end: str) -> Iterator[None]:
        """Stop before each part of the list or object that comes next, such that the caller reads it."""
        self._take(start)
        if self.next_character() != end:
            yield
            while self.next_character() != end:
                self._take(",", end)
                yield
        self._place += 1

    def _take(self, *characters: str) -> None:
        """Read the first of these characters; the others are those that could have been there, too."""
        if self.next_character() != characters[0]:
            problem = f"expected {' or '.join(map(repr, characters))}"
            raise self._no_json(problem, self._place)
        self._place += 1

    def _read(self) -> None:
        """Read more, at least as much as is there already: a long value is then decoded only a few times."""
        rest = self._buffer[self._place :]
        try:
            more = self._text.read(max(_CHUNK, len(rest)))
        except UnicodeError as exc:
            after = f", at or soon after record {self._number}" if self._number else ""
            message = (
                f"{self._name} is not {getattr(exc, 'encoding', 'UTF-8').upper()}{after}; re-encode it, for example: "
                "iconv -f WINDOWS-1252 -t UTF-8 FILE > NEW_FILE"
            )
            raise DataError(message) from exc
        self._is_all = not more
        self._buffer, self._place = rest + more, 0

    def _no_json(self, problem: str, place: int) -> DataError:
        near = self._buffer[place : place + _SHOWN]
        where = f"near {near!r}" if near else "at its end"
        is_cut = not near or problem.startswith(_UNTERMINATED)
        cut = "; is the file cut off or still being written?" if is_cut else ""
        part = f"record {self._number} of " if self._number else ""
        return DataError(f"{part}{self._name} is not JSON {where}: {problem}{cut}")


@contextmanager
def open_json(path: Path, *, encoding: str = "", name: str = "") -> Iterator[JsonStream]:
    """Open a JSON file, also a compressed one.

    Args:
        path: The file.
        encoding: Its codec; if empty, that of its byte order mark, or UTF-8.
        name: Its name in messages; if empty, its path.

    Raises:
        DataError: The file cannot be read, also later: it is no JSON, or its text is of another encoding.
    """
    name = name or repr(str(path))
    codec = encoding or encoding_of(read_plain_head(path, _HEAD), "", name)
    with open_plain(path) as file:
        text = io.TextIOWrapper(file, encoding=codec, newline="\n")
        try:
            yield JsonStream(text, name)
        finally:
            with suppress(ValueError):  # the file is closed already where a reader is given up before its end
                text.detach()
