"""What the text metrics compare: the output of a model and the reference, taken from a generation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Protocol, TypeVar, Union

import attrs

from llmops_sdk.plugin import Generation, Record

_T = TypeVar("_T")


@attrs.frozen
class Pair:
    """An output and what it is compared with; the output may be empty, references are not.

    Attributes:
        output: What the model wrote.
        reference: The reference, the first one where there are several.
        others: Further references that are as good.
    """

    output: str
    reference: str
    others: tuple[str, ...] = ()

    @property
    def references(self) -> tuple[str, ...]:
        """All references."""
        return (self.reference, *self.others)


@attrs.frozen
class Unscorable:
    """Why a pair, or what should have been one, has no score."""

    reason: str


class Numbers(dict[str, float]):
    """Metric name to value, with a note for the sample.

    Attributes:
        note: What is worth knowing about the values, or empty.
    """

    def __init__(self, values: Mapping[str, float], note: str = "") -> None:
        super().__init__(values)
        self.note = "; ".join(filter(None, (note_of(values), note)))


def note_of(values: Mapping[str, float]) -> str:
    """Return the note of some values, or an empty text."""
    return values.note if isinstance(values, Numbers) else ""


Outcome = Union[Mapping[str, float], Unscorable]
"""Metric name to value, or why there is none."""


class PairScorer(Protocol):
    """Scores pairs, a batch at a time."""

    def score(self, pairs: Sequence[Pair]) -> Sequence[Outcome]:
        """Return one outcome per pair, in their order."""


def references_in(record: Record, field: str) -> Any:
    """Return the reference in a record's field, or a list of them.

    A record with several has the first one as `response`, and all of them in `references`.

    >>> references_in({"response": "Ada", "references": ["Ada", "by Ada"]}, "response")
    ['Ada', 'by Ada']
    """
    value, all_of_them = record.get(field), record.get("references")
    if field == "response" and isinstance(all_of_them, list) and all_of_them[:1] == [value]:
        return all_of_them
    return value


def pair_of(generation: Generation, field: str) -> Pair | Unscorable:
    """Return what is compared for a generation; its reference is the record's `field`.

    There may be several references, which are all as good. Empty ones are left out.
    """
    value = references_in(generation.record, field)
    if value is None:
        known = ", ".join(sorted(generation.record))
        return Unscorable(f"the record has no reference field {field!r}; it has: {known}")
    references = list(value) if isinstance(value, (list, tuple)) else [value]
    no_text = [reference for reference in references if not isinstance(reference, str)]
    if no_text:
        return Unscorable(f"the reference field {field!r} must be text, not {type(no_text[0]).__name__}")
    references = [reference for reference in references if reference.strip()]
    if not references:
        return Unscorable(f"the reference field {field!r} is empty")
    return Pair(generation.output, references[0], tuple(references[1:]))


def batches(items: Iterable[_T], size: int) -> Iterator[list[_T]]:
    """Yield lists of `size` items, the last one shorter.

    >>> list(batches("abcde", 2))
    [['a', 'b'], ['c', 'd'], ['e']]
    """
    remaining = iter(items)
    while batch := list(islice(remaining, size)):
        yield batch
