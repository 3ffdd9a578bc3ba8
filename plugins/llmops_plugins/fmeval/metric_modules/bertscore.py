"""The metric `bertscore` for Hugging Face's `evaluate`, written for llmops-sdk: values of the package `bert_score`.

FMEval loads the metric by its name and asks for one pair at a time, with the model's name. An encoder stays loaded
between the calls.
"""

from __future__ import annotations

from typing import Any

import datasets
import evaluate
from bert_score import BERTScorer


class BERTScore(evaluate.Metric):  # type: ignore[misc]
    """Precision, recall and F1 of the tokens' embeddings, without idf weights and without rescaling."""

    def _info(self) -> Any:
        text = datasets.Value("string")
        return evaluate.MetricInfo(
            description=__doc__,
            citation="",
            features=datasets.Features({"predictions": text, "references": text}),
        )

    def _compute(
        self, predictions: Any, references: Any, model_type: str, num_layers: int | None = None
    ) -> dict[str, list[float]]:
        encoder = (model_type, num_layers)
        if getattr(self, "_encoder", None) != encoder:
            self._scorer = BERTScorer(model_type=model_type, num_layers=num_layers)
            self._encoder = encoder
        scores = self._scorer.score(list(predictions), list(references))
        return dict(zip(("precision", "recall", "f1"), (score.tolist() for score in scores), strict=True))
