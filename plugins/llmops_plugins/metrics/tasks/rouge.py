"""ROUGE F-measures, with the values of the `rouge_score` package (which FMEval uses, through `evaluate`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from llmops_plugins.metrics.pairs import Pair

# The versions of the Rust engine whose numbers were compared with rouge_score's.
_COMPARED = "0.2."


class Rouge:
    """ROUGE of some types.

    `rougeLsum` takes each line as one sentence, as `rouge_score` does.

    Args:
        types: Of `rouge1`, `rouge2`, `rougeL`, `rougeLsum`.
        use_stemmer: Whether Porter's stemmer is applied to words of more than three letters.
        engine: `rouge-score-rs` or `rouge-score`, see `rouge_engine`.
    """

    def __init__(self, types: Sequence[str], *, use_stemmer: bool, engine: str) -> None:
        self._types = list(types)
        module = import_module("rouge_score_rs" if engine == "rouge-score-rs" else "rouge_score.rouge_scorer")
        self._scorer: Any = module.RougeScorer(self._types, use_stemmer=use_stemmer)

    def score(self, pairs: Sequence[Pair]) -> list[Mapping[str, float]]:
        """Return the F-measures of each pair: for each type, the best value over its references."""
        return [self._score(pair) for pair in pairs]

    def _score(self, pair: Pair) -> Mapping[str, float]:
        scores = [self._scorer.score(reference, pair.output) for reference in pair.references]
        return {name: max(float(score[name].fmeasure) for score in scores) for name in self._types}


def rouge_engine() -> str:
    """Return the distribution that computes ROUGE here: the Rust one where a version with equal values is installed."""
    try:
        installed = version("rouge-score-rs")
    except PackageNotFoundError:
        return "rouge-score"
    return "rouge-score-rs" if installed.startswith(_COMPARED) else "rouge-score"
