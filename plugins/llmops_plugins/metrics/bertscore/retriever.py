"""The retriever `minilm`: texts that mean the same as the query, by the encoder that BERTScore uses."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING

from llmops_plugins.metrics.bertscore.encoder import Encoder
from llmops_plugins.metrics.bertscore.engine import load_encoder
from llmops_plugins.metrics.bertscore.options import BERTSCORE_LAYERS, MINILM
from llmops_plugins.metrics.bertscore.weights import find_weights
from llmops_sdk.plugin import Context, Hit, Retriever

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_BATCH = 64


class MinilmRetriever(Retriever):
    """The cosine of the means of the texts' token vectors; of a long text, its first 512 tokens.

    The vectors are those of all-MiniLM-L6-v2's last layer, of length one each before the mean.
    """

    def fingerprint(self, context: Context) -> str:
        """Return the hash of the encoder's weights."""
        return find_weights(context, MINILM).sha256()

    def search(self, context: Context, texts: Sequence[str], queries: Iterable[str], k: int) -> Iterator[Sequence[Hit]]:
        """Yield the nearest texts; an empty query or text has none."""
        import numpy as np

        encoder = load_encoder(find_weights(context, MINILM), BERTSCORE_LAYERS[MINILM], context.home)
        vectors = np.concatenate(
            [_means(encoder, texts[start : start + _BATCH]) for start in range(0, len(texts), _BATCH)]
        )
        is_text = np.array([bool(text.strip()) for text in texts])
        remaining = iter(queries)
        while batch := list(islice(remaining, _BATCH)):
            for query, scores in zip(batch, _means(encoder, batch) @ vectors.T, strict=True):
                # Rounded, so that engines that differ in the last digits give the same order.
                rounded = np.round(scores.astype(np.float64), 4)
                places = np.flatnonzero(is_text) if query.strip() else np.empty(0, np.int64)
                order = places[np.lexsort((places, -rounded[places]))][:k]
                yield [Hit(int(place), float(rounded[place])) for place in order]


def _means(encoder: Encoder, texts: Sequence[str]) -> npt.NDArray[np.float32]:
    """Return the mean vector of each text, of length one; of a text without a token, zeros."""
    import numpy as np

    embeddings = encoder.embed(texts)
    means = [
        vectors.mean(axis=0)
        if len(vectors := embeddings[text].vectors[embeddings[text].counted])
        else vectors.sum(axis=0)
        for text in texts
    ]
    stacked = np.stack(means)
    lengths = np.linalg.norm(stacked, axis=1, keepdims=True)
    return (stacked / np.where(lengths > 0, lengths, 1)).astype(np.float32)
