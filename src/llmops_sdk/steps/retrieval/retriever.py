"""The interface of retrievers: which texts fit a query best."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence

import attrs

from llmops_sdk.plugin.context import Context
from llmops_sdk.plugin.interfaces import Implementation


@attrs.frozen
class Hit:
    """A text that fits a query.

    Attributes:
        place: Its place among the texts, from 0.
        score: How well it fits: the higher, the better.
    """

    place: int
    score: float


class Retriever(Implementation):
    """Finds the texts that fit a query best: train records as examples, or passages of documents.

    It is called when a dataset is prepared, on the user's machine; later steps read what it found.
    """

    def fingerprint(self, context: Context) -> str:
        """Return what decides its scores beyond the options: a library's version, the hash of weights.

        It is part of the key of what is found.
        """
        return ""

    @abstractmethod
    def search(self, context: Context, texts: Sequence[str], queries: Iterable[str], k: int) -> Iterator[Sequence[Hit]]:
        """Yield for each query, in their order, the texts that fit it best, the best one first.

        The same texts and queries give the same hits; of equal scores, the text with the lower place comes first. A text
        that has nothing to do with the query is left out.

        Args:
            context: Its `folder` may be written to.
            texts: What is searched; at least one.
            queries: What is searched for, as a stream.
            k: The most texts for each query; at least 1.
        """
