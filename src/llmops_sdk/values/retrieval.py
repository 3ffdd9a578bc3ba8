"""Retrieval: what a prompt adds to each record, examples from the train split or passages of documents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from llmops_sdk.values.serial import digest

RETRIEVED_FIELD = "llmops_retrieved"
"""The field of a prepared record that holds what was retrieved for it, as the JSON of a `Retrieved`."""

PASSAGES = "passages"
"""The field with the text of the retrieved passages, which a template may name."""

FIXED = "fixed"
"""The choice of the same examples for all records, in place of a retriever."""


@attrs.frozen(kw_only=True)
class Retrieval:
    """How a prompt finds examples or passages.

    Attributes:
        k: The most that each record gets.
        by: The retriever's card, or `fixed`.
        options: The options of the retriever.
        retriever_key: Hash of its card, its result version and its options.
        documents: The file with the documents; empty for examples, which come from the train split.
        query: The field of the record to search with; empty means its instruction and its context.
        words: The most words of a passage; 0 means all of them.
        seed: What draws fixed examples.
    """

    k: int
    by: str
    options: Mapping[str, Any] = attrs.field(factory=dict)
    retriever_key: str = ""
    documents: str = ""
    query: str = ""
    words: int = 0
    seed: int = 0

    @property
    def key(self) -> str:
        """Hash of what decides which texts are found in the same documents; where those are is no part of it."""
        return digest(self.k, self.by, self.retriever_key, self.query, self.words, self.seed)

    def __str__(self) -> str:
        """Return it in words, for plans and reports."""
        if self.by == FIXED:
            return f"{self.k} fixed examples from the train split, seed {self.seed}"
        if not self.documents:
            return f"{self.k} examples from the train split by {self.by}"
        cut = f", each cut at {self.words} words" if self.words else ""
        return f"{self.k} passages of {self.documents!r} by {self.by}{cut}"


@attrs.frozen(kw_only=True)
class Passage:
    """A passage that was retrieved for a record.

    Attributes:
        id: The document's `id`, or its line in the file.
        text: Its text as the prompt has it.
        title: Its title, or empty.
        score: How well it fits the record, in the retriever's unit.
        of_words: The words of the complete text where it was cut; 0 where it was not.
    """

    id: str
    text: str
    title: str = ""
    score: float = 0.0
    of_words: int = 0


@attrs.frozen(kw_only=True)
class Example:
    """A train record that stands in the prompt of another record, with its answer.

    Attributes:
        place: Its place in the train split, from 0.
        record: The train record.
        score: How well it fits the record, in the retriever's unit; None for fixed examples.
    """

    place: int
    record: Mapping[str, Any]
    score: float | None = None


@attrs.frozen(kw_only=True)
class Retrieved:
    """What was retrieved for a record.

    Attributes:
        passages: The best one first.
        examples: In the order of the prompt: the most similar one last, next to the question.
    """

    passages: tuple[Passage, ...] = ()
    examples: tuple[Example, ...] = ()
