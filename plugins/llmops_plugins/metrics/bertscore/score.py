"""BERTScore F1 with the values of bert_score 0.3.13 (no idf weights, no rescaling), which FMEval uses.

Every token of a text is matched with the most similar token of the other text; precision is the mean similarity over the
output's tokens, recall over the reference's. The separators [CLS] and [SEP] can be matched but are not counted.
Source: Zhang et al., "BERTScore: Evaluating Text Generation with BERT" (ICLR 2020), and the package's own arithmetic.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from threading import Lock

from llmops_plugins.metrics.bertscore.encoder import Embedding, Encoder
from llmops_plugins.metrics.bertscore.engine import load_encoder
from llmops_plugins.metrics.bertscore.weights import Weights
from llmops_plugins.metrics.pairs import Numbers, Outcome, Pair, Unscorable

# References repeat with every candidate: room for 2,000 of 80 tokens with MiniLM. Outputs repeat by chance only.
_REFERENCE_BYTES = 256 << 20
_OUTPUT_BYTES = 16 << 20


@lru_cache(maxsize=1)
def bert_score(weights: Weights, layers: int, home: Path) -> BertScore:
    """Return the scorer of an encoder, one per process: the candidates of a run share the encoder and the references.

    Raises:
        AssetError: The weights cannot be loaded.
        SpecError: The encoder has no such layer.
        MissingExtraError: No engine that supports the encoder is installed.
    """
    return BertScore(load_encoder(weights, layers, home))


class BertScore:
    """BERTScore of pairs. A text is encoded once, as long as the embeddings fit into a limited amount of memory.

    Attributes:
        engine: The libraries that compute the encoder.
    """

    def __init__(self, encoder: Encoder) -> None:
        self.engine = encoder.engine
        self._encoder = encoder
        self._references = _EmbeddingCache(_REFERENCE_BYTES)
        self._outputs = _EmbeddingCache(_OUTPUT_BYTES)
        self._lock = Lock()

    def score(self, pairs: Sequence[Pair]) -> list[Outcome]:
        """Return F1 of each pair, the best one over its references; 0 where the output has no tokens.

        It is not defined for a reference without tokens, such as one of control characters; bert_score gives 0 there.
        Of a text longer than the encoder takes, the start is compared, and a note reports it.
        """
        references = dict.fromkeys(text for pair in pairs for text in pair.references)
        outputs = dict.fromkeys(pair.output for pair in pairs)
        with self._lock:
            texts = references | outputs
            cached = {text: self._references.get(text) or self._outputs.get(text) for text in texts}
            known = {text: embedding for text, embedding in cached.items() if embedding is not None}
            known.update(self._encoder.embed(text for text in texts if text not in known))
            self._references.add({text: known[text] for text in references})
            self._outputs.add({text: known[text] for text in outputs if text not in references})
        return [
            self._outcome(known[pair.output], [known[reference] for reference in pair.references]) for pair in pairs
        ]

    def _outcome(self, output: Embedding, all_references: Sequence[Embedding]) -> Outcome:
        references = [reference for reference in all_references if reference.counted.any()]
        if not references:
            return Unscorable("BERTScore's encoder reads no token of the reference")
        cut = [
            name
            for name, embeddings in (("output", [output]), ("reference", references))
            if any(len(embedding.vectors) >= self._encoder.max_tokens for embedding in embeddings)
        ]
        note = (
            f"BERTScore reads the first {self._encoder.max_tokens} tokens of the {' and the '.join(cut)}" if cut else ""
        )
        return Numbers({"bertscore": max(f1(output, reference) for reference in references)}, note)


def f1(output: Embedding, reference: Embedding) -> float:
    """Return the harmonic mean of greedy-matching precision and recall of two texts; 0 where it is not defined."""
    if not output.counted.any() or not reference.counted.any():
        return 0.0
    similarity = output.vectors @ reference.vectors.T
    precision = float(similarity.max(axis=1)[output.counted].mean())
    recall = float(similarity.max(axis=0)[reference.counted].mean())
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


class _EmbeddingCache:
    """Embeddings, up to a number of bytes.

    A full cache drops a random one: the candidates have the same references in the same order, so the one used longest
    ago would be the next one needed.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._size = 0
        self._embeddings: dict[str, Embedding] = {}
        self._texts: list[str] = []
        self._pick = random.Random(0)  # noqa: S311 - nothing depends on its quality

    def get(self, text: str) -> Embedding | None:
        return self._embeddings.get(text)

    def add(self, embeddings: dict[str, Embedding]) -> None:
        for text, embedding in embeddings.items():
            if text not in self._embeddings:
                self._embeddings[text] = embedding
                self._texts.append(text)
                self._size += embedding.size
            while self._size > self._limit:
                place = self._pick.randrange(len(self._texts))
                self._texts[place], self._texts[-1] = self._texts[-1], self._texts[place]
                self._size -= self._embeddings.pop(self._texts.pop()).size
