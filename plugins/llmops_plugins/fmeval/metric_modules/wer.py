"""The metric `wer` for Hugging Face's `evaluate`, written for llmops-sdk: word error rate as the package `jiwer` counts.

Substituted, deleted and inserted words over the words of the references, all pairs taken together.
"""

from __future__ import annotations

from typing import Any

import datasets
import evaluate
import jiwer


class WER(evaluate.Metric):  # type: ignore[misc]
    """Word error rate; 0 is equal, and it has no upper bound."""

    def _info(self) -> Any:
        text = datasets.Value("string")
        return evaluate.MetricInfo(
            description=__doc__,
            citation="",
            features=datasets.Features({"predictions": text, "references": text}),
        )

    def _compute(self, predictions: Any, references: Any) -> float:
        wrong = words = 0
        for reference, prediction in zip(list(references), list(predictions), strict=True):
            output = jiwer.process_words(reference, prediction)
            wrong += output.substitutions + output.deletions + output.insertions
            words += output.substitutions + output.deletions + output.hits
        return wrong / words
