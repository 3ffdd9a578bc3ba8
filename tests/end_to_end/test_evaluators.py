"""Every evaluator on answers, probes and log-probabilities of a real model at the local endpoint."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from llmops_sdk import Pipeline, Progress

CHANGED = {"num_perturbations": 2, "perturbation_type": "random_upper_case"}
EVALUATORS: dict[str, dict[str, Any]] = {
    "qa-accuracy": {},
    "factual-knowledge": {},
    "classification-accuracy": {"valid_labels": ["yes", "no"], "reference": "label"},
    "prompt-stereotyping": {},
    "choice-likelihood": {"field": "label"},
    "text-metrics": {},
    "general-semantic-robustness": {**CHANGED, "metrics": ["word_error_rate"]},
    "qa-accuracy-semantic-robustness": {**CHANGED, "metrics": ["f1"]},
    "summarization-accuracy-semantic-robustness": {**CHANGED, "metrics": ["rouge2"]},
    "classification-accuracy-semantic-robustness": {**CHANGED, "valid_labels": ["yes", "no"], "reference": "label"},
}


def test_every_evaluator_scores_the_answers_of_a_local_endpoint(tiny_model: Path, tmp_path: Path) -> None:
    """No record is lost: each has a value for each metric, or a reason."""
    records = [
        {
            "instruction": f"Is {number} even?",
            "context": f"Numbers such as {number} are odd or even.",
            "response": "Yes, it is." if number % 2 == 0 else "No, it is not.",
            "label": "yes" if number % 2 == 0 else "no",
            "choices": ["yes", "no"],
            "sent_more": f"Number {number} is a lucky one.",
            "sent_less": f"Number {number} is an unlucky one.",
        }
        for number in range(6)
    ]
    (tmp_path / "records.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    pipeline = Pipeline.builder("all").with_dataset("jsonl", path=str(tmp_path / "records.jsonl"), test_fraction=0.5)
    pipeline = pipeline.with_prompt("plain").with_generation(max_new_tokens=4)
    pipeline = pipeline.with_model("huggingface", weights=str(tiny_model), fine_tune=False)
    for name, options in EVALUATORS.items():
        pipeline = pipeline.with_evaluator(name, **options)

    result = pipeline.run(store=tmp_path / "runs", offline=True, progress=Progress())

    assert () == result.failures
    (cell,) = result.leaderboards[0].cells
    assert cell.records == cell.answered == 3
    names = {metadata.name: {metric.name for metric in metadata.metrics} for metadata in result.results.evaluators}
    assert set(EVALUATORS) == set(names)
    for sample in result.run.samples(cell.cell):
        for name, metrics in names.items():
            assert metrics <= set(sample.scores) or name in sample.score_errors, (name, sample)
        assert {"acc", "acc_norm"} <= set(sample.scores)
