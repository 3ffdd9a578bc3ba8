"""What must not be retrieved, because it is a test record or almost one: a score would then prove nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Generic, TypeVar

import attrs

from llmops_sdk.data.near_duplicates import find_copies, input_text
from llmops_sdk.data.retrieval.copies import AnsweredText, Quotable, find_changed_copies, find_quotes
from llmops_sdk.data.retrieval.documents import Document
from llmops_sdk.values.data import Record, Split

T_co = TypeVar("T_co", covariant=True)


def copied_records(train: Sequence[Record], test: Split) -> frozenset[int]:
    """Return the places of the train records whose input is almost that of a test record."""
    changed = find_changed_copies([each for record in train for each in _questions(record)], _Forms(test, _questions))
    return frozenset({*find_copies(train, test), *changed})


def copied_documents(documents: Sequence[Document], test: Split) -> frozenset[int]:
    """Return the places of the documents that are almost a test record: its input, its answer, or both.

    The context of a test record is a source that retrieval is meant to find. A document that is nearer to it than to a
    record with its question or its answer stays, unless it quotes both.
    """
    titled = [place for place, document in enumerate(documents) if document.title]
    copies = _copied_texts([document.text for document in documents], test)
    copies |= {titled[place] for place in _copied_texts([documents[place].searched for place in titled], test)}
    copies.update(find_quotes((document.searched for document in documents), _Forms(test, _quotable)))
    return frozenset(copies)


def _copied_texts(texts: Sequence[str], test: Split) -> set[int]:
    copies: set[int] = set()
    for find in (_by_pieces, _by_words):
        sources = find(texts, _Forms(test, _contexts))
        for form in (_inputs, _answers, _answered_questions, _complete):
            similar = find(texts, _Forms(test, form))
            copies.update(place for place, share in similar.items() if share > sources.get(place, 0.0))
    return copies


@attrs.frozen
class _Forms(Generic[T_co]):
    """The test records in one form; read again each time."""

    test: Split
    form: Callable[[Record], Iterable[T_co]]

    def __iter__(self) -> Iterator[T_co]:
        for record in self.test:
            yield from self.form(record)


def _by_pieces(texts: Sequence[str], forms: _Forms[str]) -> Mapping[int, float]:
    others = _Forms(forms.test, lambda record: ({"text": text} for text in forms.form(record) if text.strip()))
    return find_copies([{"text": text} for text in texts], others)


def _by_words(texts: Sequence[str], forms: _Forms[str]) -> Mapping[int, float]:
    others = _Forms(forms.test, lambda record: (AnsweredText(text) for text in forms.form(record)))
    return find_changed_copies([AnsweredText(text) for text in texts], others)


def _questions(record: Record) -> Iterable[AnsweredText]:
    return (AnsweredText(input_text(record), next(iter(_answers(record)), "")),)


def _quotable(record: Record) -> Iterable[Quotable]:
    return (Quotable(str(record.get("instruction") or ""), tuple(_answers(record))),)


def _contexts(record: Record) -> Iterable[str]:
    return (str(record.get("context") or ""),)


def _inputs(record: Record) -> Iterable[str]:
    return (input_text(record),)


def _answers(record: Record) -> Iterable[str]:
    references = record.get("references") or [record.get("response")]
    return [text for text in references if isinstance(text, str)]


def _answered_questions(record: Record) -> Iterable[str]:
    question = str(record.get("instruction") or "")
    return [f"{question} {answer}" for answer in _answers(record)] if question else ()


def _complete(record: Record) -> Iterable[str]:
    return [f"{input_text(record)} {answer}" for answer in _answers(record)] if record.get("context") else ()
