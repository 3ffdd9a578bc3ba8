"""Every algorithm on answers, probes and log-probabilities of a real model at the local endpoint."""

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
    "text-metrics": {},
    "general-semantic-robustness": {**CHANGED, "metrics": ["word_error_rate"]},
    "qa-accuracy-semantic-robustness": {**CHANGED, "metrics": ["f1"]},
    "summarization-accuracy-semantic-robustness": {**CHANGED, "metrics": ["rouge2"]},
    "classification-accuracy-semantic-robustness": {**CHANGED, "valid_labels": ["yes", "no"], "reference": "label"},
}


def test_each_algorithm_scores_what_a_local_endpoint_answers(tiny_model: Path, tmp_path: Path) -> None:
    """No record is lost: each has a score of each metric, or a reason."""
    rows = [
        {
            "instruction": f"Is {number} even?",
            "context": f"Numbers such as {number} are odd or even.",
            "response": "Yes, it is." if number % 2 == 0 else "No, it is not.",
            "label": "yes" if number % 2 == 0 else "no",
            "sent_more": f"Number {number} is a lucky one.",
            "sent_less": f"Number {number} is an unlucky one.",
        }
        for number in range(6)
    ]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    made = Pipeline.builder("all").with_dataset("jsonl", path=str(tmp_path / "rows.jsonl"), test_fraction=0.5)
    made = made.with_prompt("plain").with_generation(max_new_tokens=4)
    made = made.with_model("huggingface", weights=str(tiny_model), fine_tune=False)
    for name, options in EVALUATORS.items():
        made = made.with_evaluator(name, **options)

    result = made.run(store=tmp_path / "runs", offline=True, progress=Progress())

    assert () == result.failures
    (cell,) = result.leaderboards[0].cells
    assert cell.records == cell.answered == 3
    names = {metadata.name: {metric.name for metric in metadata.metrics} for metadata in result.results.evaluators}
    assert set(EVALUATORS) == set(names)
    for sample in result.run.samples(cell.cell):
        for name, metrics in names.items():
            assert metrics <= set(sample["scores"]) or name in sample["score_errors"], (name, sample)
