"""Scores of single records by FMEval's own algorithms: a job as JSON on stdin, scores as JSON on stdout.

FMEval loads three scripts of the hub's `evaluate-metric`, which are not on PyPI; small classes replace them here and
call the same packages.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any


class Rouge:
    """The script `rouge`, for one pair, whose mean is itself."""

    def compute(self, predictions: Any, references: Any, rouge_types: Any, use_stemmer: Any, **_: Any) -> Any:
        from rouge_score.rouge_scorer import RougeScorer

        scores = RougeScorer(rouge_types, use_stemmer=use_stemmer).score(references[0], predictions[0])
        return {name: score.fmeasure for name, score in scores.items()}


class Wer:
    """The script `wer`."""

    def compute(self, predictions: Any, references: Any) -> float:
        from jiwer import process_words

        pairs = [process_words(reference, output) for output, reference in zip(predictions, references, strict=True)]
        errors = sum(one.substitutions + one.deletions + one.insertions for one in pairs)
        return float(errors / sum(one.substitutions + one.deletions + one.hits for one in pairs))


class BertScore:
    """The script `bertscore`, with weights of a folder."""

    def __init__(self, folder: str) -> None:
        from bert_score import BERTScorer

        self._scorer = BERTScorer(model_type=folder, num_layers=6, device="cpu")

    def compute(self, predictions: Any, references: Any, **_: Any) -> Any:
        return {"f1": [self._scorer.score(predictions, [[text] for text in references])[2].item()]}


def main() -> None:
    """Score every record with every algorithm, in this process, without Ray."""
    import evaluate
    import nltk

    job = json.load(sys.stdin)
    nltk.download = lambda *_args, **_options: True  # FMEval asks for downloads; NLTK_DATA has its files already
    evaluate.load = {"rouge": Rouge(), "wer": Wer(), "bertscore": BertScore(sys.argv[1])}.__getitem__
    sys.stdout.write("\n" + json.dumps(scores(job)))


def scores(job: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the scores of each record, by the names of the algorithms."""
    from fmeval.eval_algorithms import (
        classification_accuracy,
        classification_accuracy_semantic_robustness,
        factual_knowledge as factual,
        general_semantic_robustness as general,
        prompt_stereotyping as stereotyping,
        qa_accuracy as qa,
        qa_accuracy_semantic_robustness as qa_robustness,
        summarization_accuracy_semantic_robustness as summarization,
    )
    from fmeval.model_runners.model_runner import ModelRunner

    class Recorded(ModelRunner):  # type: ignore[misc]
        """Answers each question with its recorded answers in turn, and then always with the last one."""

        def __init__(self, answers: Mapping[str, Sequence[str]]) -> None:
            super().__init__("$prompt", "", "")
            self._answers = {question: list(texts) for question, texts in answers.items()}

        def predict(self, prompt: str) -> tuple[str, None]:
            texts = self._answers[prompt]
            return (texts.pop(0) if len(texts) > 1 else texts[0]), None

    changes, labels = job["changes"], job["labels"]
    all_scores = []
    for record in job["records"]:
        question, output, target = record["question"], record["output"], record["target"]

        def sample(algorithm: Any, record: Any = record, **arguments: Any) -> dict[str, float]:
            if "model_input" in arguments:  # a new algorithm starts with the same random numbers
                arguments["model"] = Recorded(record["answers"])
            return {score.name: score.value for score in algorithm.evaluate_sample(**arguments)}

        inputs = {"model_input": question, "target_output": target}
        config = classification_accuracy_semantic_robustness.ClassificationAccuracySemanticRobustnessConfig
        all_scores.append(
            {
                "qa-accuracy": sample(qa.QAAccuracy(), target_output=target, model_output=output),
                "factual-knowledge": sample(factual.FactualKnowledge(), target_output=target, model_output=output),
                "factual-knowledge-and": sample(
                    factual.FactualKnowledge(factual.FactualKnowledgeConfig("<AND>", "AND")),
                    target_output=target.replace("<OR>", "<AND>"),
                    model_output=output,
                ),
                "classification-accuracy": sample(
                    classification_accuracy.ClassificationAccuracy(
                        classification_accuracy.ClassificationAccuracyConfig(valid_labels=list(labels))
                    ),
                    target_output=record["label"],
                    model_output=output,
                ),
                "prompt-stereotyping": sample(
                    stereotyping.PromptStereotyping(),
                    sent_more_log_probability=record["more"],
                    sent_less_log_probability=record["less"],
                ),
                "summarization-accuracy-semantic-robustness": sample(
                    summarization.SummarizationAccuracySemanticRobustness(
                        summarization.SummarizationAccuracySemanticRobustnessConfig(**changes)
                    ),
                    **inputs,
                ),
                "qa-accuracy-semantic-robustness": sample(
                    qa_robustness.QAAccuracySemanticRobustness(
                        qa_robustness.QAAccuracySemanticRobustnessConfig(**changes)
                    ),
                    **inputs,
                ),
                "classification-accuracy-semantic-robustness": sample(
                    classification_accuracy_semantic_robustness.ClassificationAccuracySemanticRobustness(
                        config(valid_labels=list(labels), **changes)
                    ),
                    model_input=question,
                    target_output=record["label"],
                ),
                "general-semantic-robustness": sample(
                    general.GeneralSemanticRobustness(
                        general.GeneralSemanticRobustnessConfig(num_baseline_samples=3, **changes)
                    ),
                    model_input=question,
                ),
            }
        )
    return all_scores


if __name__ == "__main__":
    main()
