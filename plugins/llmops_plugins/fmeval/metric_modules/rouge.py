"""The metric `rouge` for Hugging Face's `evaluate`, written for llmops-sdk: F-measures of the package `rouge_score`.

FMEval loads the metric by its name and asks for one pair at a time. The values are those of `rouge_score`; the value
of several pairs is their mean.
"""

from __future__ import annotations

from typing import Any

import datasets
import evaluate
from rouge_score.rouge_scorer import RougeScorer

_TYPES = ("rouge1", "rouge2", "rougeL", "rougeLsum")


class Rouge(evaluate.Metric):  # type: ignore[misc]
    """ROUGE F-measures."""

    def _info(self) -> Any:
        text = datasets.Value("string")
        return evaluate.MetricInfo(
            description=__doc__,
            citation="",
            features=datasets.Features({"predictions": text, "references": text}),
        )

    def _compute(
        self, predictions: Any, references: Any, rouge_types: Any = None, *, use_stemmer: bool = False
    ) -> dict[str, float]:
        types = list(rouge_types or _TYPES)
        scorer = RougeScorer(types, use_stemmer=use_stemmer)
        # `list`: some versions of datasets pass columns, which are not lists
        scores = [scorer.score(*pair) for pair in zip(list(references), list(predictions), strict=True)]
        return {name: sum(score[name].fmeasure for score in scores) / len(scores) for name in types}
