"""BERTScore F1 with the values of bert_score 0.3.13 (no idf weights, no rescaling), which FMEval uses.

Every token of a text is matched with the most similar one of the other text; precision is the mean similarity over the
output's tokens, recall over the reference's. The separators [CLS] and [SEP] can be matched but are not counted.
Source: Zhang et al., "BERTScore: Evaluating Text Generation with BERT" (ICLR 2020), and the package's own arithmetic.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from threading import Lock

from llmops_plugins.metrics.encoder import Embedding, Encoder
from llmops_plugins.metrics.pairs import Outcome, Pair

_REFERENCE_BYTES = 64 << 20


@lru_cache(maxsize=1)
def bert_score(folder: Path, layers: int) -> BertScore:
    """Return the scorer of an encoder, one in a process: the candidates of a run share encoder and references.

    Raises:
        AssetError: The weights cannot be loaded.
        SpecError: The encoder has no such layer.
    """
    return BertScore(Encoder(folder, layers))


class BertScore:
    """BERTScore of pairs. References are encoded once each, as long as they fit into a bounded memory."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self._references = _Recent(_REFERENCE_BYTES)
        self._lock = Lock()

    def score(self, pairs: Sequence[Pair]) -> list[Outcome]:
        """Return F1 of each pair; 0 where a text has no tokens."""
        texts = dict.fromkeys(text for pair in pairs for text in (pair.reference, pair.output))
        with self._lock:
            known = {text: found for text in texts if (found := self._references.get(text)) is not None}
            known.update(self._encoder.embed(text for text in texts if text not in known))
            for pair in pairs:
                self._references.put(pair.reference, known[pair.reference])
        return [{"bertscore": f1(known[pair.output], known[pair.reference])} for pair in pairs]


def f1(output: Embedding, reference: Embedding) -> float:
    """Return the harmonic mean of greedy-matching precision and recall of two texts; 0 where it is not defined."""
    if not output.counted.any() or not reference.counted.any():
        return 0.0
    similarity = output.vectors @ reference.vectors.T
    precision = float(similarity.amax(dim=1)[output.counted].mean())
    recall = float(similarity.amax(dim=0)[reference.counted].mean())
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


class _Recent:
    """The embeddings used last, up to a number of bytes."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._size = 0
        self._kept: OrderedDict[str, Embedding] = OrderedDict()

    def get(self, text: str) -> Embedding | None:
        if text in self._kept:
            self._kept.move_to_end(text)
        return self._kept.get(text)

    def put(self, text: str, embedding: Embedding) -> None:
        if text not in self._kept:
            self._kept[text] = embedding
            self._size += embedding.size
        while self._size > self._limit:
            _, oldest = self._kept.popitem(last=False)
            self._size -= oldest.size
