"""The retriever `bm25`: texts with the words of the query, rare words first, computed by bm25s."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from importlib.metadata import version

import bm25s
import numpy as np

from llmops_sdk.plugin import Context, Hit, Retriever


class Bm25(Retriever):
    """BM25 as Lucene computes it, with k1 1.5 and b 0.75, over lower-case words of two letters or more; no word is left out.

    Robertson and Zaragoza, The Probabilistic Relevance Framework: BM25 and Beyond (2009).
    """

    def fingerprint(self, context: Context) -> str:
        """Return the version of bm25s."""
        return f"bm25s {version('bm25s')}"

    def search(self, context: Context, texts: Sequence[str], queries: Iterable[str], k: int) -> Iterator[Sequence[Hit]]:
        """Yield the texts with the highest scores; one without a word of the query is left out."""
        words = _words(texts)
        index = None
        if any(words):
            index = bm25s.BM25(method="lucene", k1=1.5, b=0.75)
            index.index(words, show_progress=False)
        for query in queries:
            yield _best(index, _words([query])[0], k)


def _words(texts: Sequence[str]) -> list[list[str]]:
    words: list[list[str]] = bm25s.tokenize(list(texts), stopwords=None, return_ids=False, show_progress=False)
    return words


def _best(index: bm25s.BM25 | None, query: Sequence[str], k: int) -> list[Hit]:
    known = [word for word in query if index is not None and word in index.vocab_dict]
    if index is None or not known:
        return []
    scores = np.asarray(index.get_scores(known), dtype=np.float64)
    places = np.flatnonzero(scores > 0)
    order = places[np.lexsort((places, -scores[places]))][:k]
    return [Hit(int(place), float(scores[place])) for place in order]
