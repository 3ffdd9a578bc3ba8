"""Scores by FMEval's own transforms: pairs of (output, reference) as JSON on stdin, scores as JSON on stdout."""

from __future__ import annotations

import json
import sys
from typing import Any


def main() -> None:
    """Score every pair with FMEval's transforms, in this process, without Ray."""
    import nltk

    nltk.download = lambda *_args, **_options: True  # FMEval asks for downloads; NLTK_DATA has its files already
    from bert_score import BERTScorer
    from fmeval.eval_algorithms.helper_models.helper_model import BertscoreHelperModel
    from fmeval.eval_algorithms.qa_accuracy import QAAccuracyScores
    from fmeval.transforms.summarization_accuracy_metrics import BertScore, MeteorScore, RougeScore

    class Local(BertscoreHelperModel):  # type: ignore[misc]
        """FMEval's helper with the weights of a folder: its own accepts two hub ids only."""

        def __init__(self, folder: str) -> None:
            self._scorer = BERTScorer(model_type=folder, num_layers=6, device="cpu")

        def get_helper_scores(self, target_output: str, model_output: str) -> float:
            f1: float = self._scorer.score([model_output], [[target_output]])[2].item()
            return f1

    keys: dict[str, Any] = {
        "target_output_keys": ["target"],
        "model_output_keys": ["output"],
        "allow_duplicate_input_keys": True,
    }
    transforms = [
        MeteorScore(output_keys=["meteor"], **keys),
        *(RougeScore(output_keys=[kind], rouge_type=kind, **keys) for kind in ("rouge1", "rouge2", "rougeL")),
        BertScore(output_keys=["bertscore"], bertscore_model=Local(sys.argv[1]), **keys),
        QAAccuracyScores(
            target_output_key="target",
            model_output_key="output",
            output_keys=["f1", "exact_match", "quasi_exact_match", "precision_over_words", "recall_over_words"],
        ),
    ]
    scores = []
    for output, target in json.load(sys.stdin):
        record: dict[str, Any] = {"output": output, "target": target}
        for transform in transforms:
            record = transform(record)
        scores.append({name: float(value) for name, value in record.items() if name not in ("output", "target")})
    sys.stdout.write(json.dumps(scores))


if __name__ == "__main__":
    main()
