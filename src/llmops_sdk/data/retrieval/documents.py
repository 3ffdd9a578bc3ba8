"""Documents that passages are retrieved from: a file of rows with a text each."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attrs

from llmops_sdk.data.files.formats import read_head
from llmops_sdk.data.files.table import NamedRow, open_table
from llmops_sdk.errors import DataError

TEXT, ID, TITLE = "text", "id", "title"


@attrs.frozen
class Document:
    """A row of a document file: what is retrieved as a whole.

    Attributes:
        id: Its `id`, or its number in the file, from 1.
        text: Its text.
        title: Its title, or empty.
    """

    id: str
    text: str
    title: str = ""

    @property
    def searched(self) -> str:
        """What is searched: the title and the text."""
        return f"{self.title}\n{self.text}" if self.title else self.text


def read_documents(path: Path) -> list[Document]:
    """Return the documents of a file, those with the same text and title once.

    Args:
        path: JSON lines, JSON, CSV or another format of rows, each with the field `text`, and `id` and `title` if it likes.

    Raises:
        DataError: The file cannot be read or has no document, or a document has no text; the message names it.
    """
    documents: dict[tuple[str, str], Document] = {}
    try:
        rows = open_table(path).rows() if read_head(path).strip() else iter(())
        for number, row in enumerate(rows, start=1):
            document = _document(row, number)
            documents.setdefault((document.title, document.text), document)
    except OSError as exc:
        message = f"the document file {str(path)!r} cannot be read: {(exc.strerror or str(exc)).lower()}"
        raise DataError(message) from exc
    if not documents:
        message = f'the document file {str(path)!r} is empty; write a line for each document: {{"text": "..."}}'
        raise DataError(message)
    return list(documents.values())


def check_enough(documents: Sequence[Document], k: int, path: str, left_out: int = 0) -> None:
    """Refuse to retrieve more passages than there are documents.

    Args:
        documents: Those that may be retrieved.
        k: The number of passages for each record.
        path: The file, for the message.
        left_out: The number of further documents, which are almost test records.

    Raises:
        DataError: There are fewer.
    """
    if k <= len(documents):
        return
    others = f" ({left_out} more are almost test records, which are never retrieved)" if left_out else ""
    has = "1 document" if len(documents) == 1 else f"{len(documents)} documents"
    message = f"k is {k}, and {path!r} has {has}{others}: lower k, or add documents"
    raise DataError(message)


def cut_words(text: str, words: int) -> tuple[str, int]:
    """Return the first words of a text, and the number of all words where some were cut; 0 otherwise.

    Args:
        text: The text.
        words: The most words; 0 means all.

    >>> cut_words("one two  three", 2), cut_words("one two", 2)
    (('one two', 3), ('one two', 0))
    """
    if not words:
        return text, 0
    first = text.split(maxsplit=words)
    if len(first) <= words:
        return text, 0
    rest = first[-1]
    return text[: len(text.rstrip()) - len(rest.rstrip())].rstrip(), words + len(rest.split())


def _document(row: NamedRow, number: int) -> Document:
    values = row.values
    if TEXT not in values:
        message = f"{row.name} has no field {TEXT!r}, which a document needs; its fields: {', '.join(values) or 'none'}"
        raise DataError(message)
    return Document(
        id=_text(row, ID, values.get(ID)) or str(number),
        text=_required(row, values[TEXT]),
        title=_text(row, TITLE, values.get(TITLE)),
    )


def _required(row: NamedRow, value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        message = (
            f"the field {TEXT!r} of {row.name} must be a text that is not empty: remove the document, or write its text"
        )
        raise DataError(message)
    return _encodable(row, TEXT, value)


def _text(row: NamedRow, field: str, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, (str, int)) and not isinstance(value, bool):
        return _encodable(row, field, str(value))
    message = f"the field {field!r} of {row.name} must be a text"
    raise DataError(message)


def _encodable(row: NamedRow, field: str, text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        message = f"the field {field!r} of {row.name} has half of a surrogate pair, which is no character: remove it"
        raise DataError(message) from None
    return text
