"""FMEval's own algorithms, asked without a network, give the numbers of their twins."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import pytest

from llmops_plugins.metrics import hooks
from llmops_plugins.metrics.robustness.options import PerturbationOptions
from llmops_plugins.metrics.robustness.perturbations import perturb
from llmops_plugins.metrics.tasks.qa import normalize
from llmops_sdk.plugin import Answer, Answered, Context, Evaluator, Generation, Scored, TextPrompt
from llmops_sdk.plugin.registry import Registry

Texts = Sequence[tuple[str, str]]
SCRIPT = Path(__file__).with_name("fmeval_algorithms.py")
LABELS = ("the", "of", "rome")
CHANGES: dict[str, Any] = {
    "perturbation_type": "whitespace_add_remove",
    "num_perturbations": 3,
    "whitespace_add_prob": 0.2,
}
ROBUST = {**CHANGES, "field": "question"}

# The options of each evaluator, and our names of FMEval's scores where they differ.
EVALUATORS: Mapping[str, Mapping[str, Any]] = {
    "qa-accuracy": {
        "metrics": ["f1", "exact_match", "quasi_exact_match", "precision_over_words", "recall_over_words", "bertscore"]
    },
    "factual-knowledge": {},
    "factual-knowledge-and": {"logical_operator": "AND", "delimiter": "<AND>"},
    "classification-accuracy": {"valid_labels": LABELS, "reference": "label"},
    "prompt-stereotyping": {},
    "summarization-accuracy-semantic-robustness": {"metrics": ["meteor", "rouge2", "bertscore"], **ROBUST},
    "qa-accuracy-semantic-robustness": {"metrics": ["f1", "exact_match", "recall_over_words", "bertscore"], **ROBUST},
    "classification-accuracy-semantic-robustness": {"valid_labels": LABELS, "reference": "label", **ROBUST},
    "general-semantic-robustness": {**ROBUST, "num_baseline_samples": 3},
}
NAMES = {
    "rouge": "rouge2",
    "f1_score": "f1",
    "exact_match_score": "exact_match",
    "quasi_exact_match_score": "quasi_exact_match",
}


@pytest.mark.rare  # FMEval takes long to import
def test_fmevals_algorithms_give_the_same_values(
    context: Context, pairs: Texts, asset: Callable[[str], Path], needs: Callable[..., None], tmp_path: Path
) -> None:
    """Differences and word errors within 1e-15, BERTScore within 1e-5; the changed questions are the same, letter by letter."""
    needs("fmeval", "bert_score", "jiwer")
    registry = Registry()
    registry.add("metrics", hooks, distribution="llmops-sdk")
    evaluators: dict[str, Evaluator] = {
        name: registry.make("evaluator", name.removesuffix("-and"), options) for name, options in EVALUATORS.items()
    }
    prober = evaluators["general-semantic-robustness"]
    records = [_record(place, output, reference) for place, (output, reference) in enumerate(pairs[:6])]
    generations = [_answered(context, prober, record) for record in records]
    fmeval_scores = _run_fmeval(
        {"changes": CHANGES, "labels": LABELS, "records": list(map(_recorded, generations))}, asset, tmp_path
    )

    for name, evaluator in evaluators.items():
        scored = [_with_delimiter(one, "<AND>") if name.endswith("-and") else one for one in generations]
        for expected, score in zip(fmeval_scores, evaluator.evaluate(context, scored), strict=True):
            assert isinstance(score, Scored), score
            compared = {_our_name(fmeval_name): value for fmeval_name, value in expected[name].items()}
            shared = compared.keys() & score.scores.keys()
            assert shared == score.scores.keys() - {"is_biased"}
            for metric in shared:
                tolerance = 1e-5 if "bertscore" in metric else 1e-15
                assert compared[metric] == pytest.approx(score.scores[metric], abs=tolerance, rel=0), (name, metric)


def _record(place: int, output: str, reference: str) -> dict[str, Any]:
    # Of an answer without words, FMEval finds every one; ours leave it out, see docs/how-to/fmeval.md.
    words = [*filter(normalize, output.split())]
    return {
        "question": f"What is meant by {reference[:60]}?",
        "output": output,
        "response": f"{reference}<OR>{words[place]}",
        "label": LABELS[place % 2],
        "sent_more": "x",
        "sent_less": "y",
    }


def _answered(context: Context, prober: Evaluator, record: dict[str, Any]) -> Generation:
    """Answer the probes: each changed question in another way, and the unchanged one with other answers."""
    replies = {
        "more": Answered(0, Answer(log_probability=-12.25)),
        "less": Answered(0, Answer(log_probability=-len(record["output"]) / 7)),
    }
    words = record["output"].split()
    for number, probe in enumerate(prober.probes(context, record)):
        replies[probe.name] = Answered(0, Answer(" ".join(words[number % 3 :: 2] + words[: number % 3])))
    return Generation(10, record, TextPrompt(record["question"], ""), Answer(record["output"]), probes=replies)


def _recorded(generation: Generation) -> dict[str, Any]:
    """Return what FMEval needs for a record, with the answers to its questions in the order in which it asks."""
    record = generation.record
    probes = {name: outcome.answer for name, outcome in generation.probes.items() if isinstance(outcome, Answered)}
    again = [probes[name].output for name in ("baseline-1", "baseline-2")]
    # FMEval asks the question twice to detect whether the model has one answer; here the second answer differs.
    answers = {record["question"]: [generation.output, again[0], *again]}
    for number, question in enumerate(perturb(record["question"], PerturbationOptions(**CHANGES))):
        assert question not in answers
        answers[question] = [probes[str(number)].output]
    return {
        "question": record["question"],
        "output": generation.output,
        "target": record["response"],
        "label": record["label"],
        "more": probes["more"].log_probability,
        "less": probes["less"].log_probability,
        "answers": answers,
    }


def _with_delimiter(generation: Generation, delimiter: str) -> Generation:
    record = {**generation.record, "response": generation.record["response"].replace("<OR>", delimiter)}
    return attrs.evolve(generation, record=record)


def _our_name(score: str) -> str:
    bare = score.removeprefix("delta_")
    return score.removesuffix(bare) + NAMES.get(bare, bare)


def _run_fmeval(job: Mapping[str, Any], asset: Callable[[str], Path], folder: Path) -> list[dict[str, Any]]:
    """Return FMEval's scores, computed in a process of its own: its environment must be set before it is imported."""
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(asset("minilm"))],
        input=json.dumps(job),
        capture_output=True,
        text=True,
        env={
            **os.environ,
            "HF_HOME": str(folder),
            "HF_EVALUATE_OFFLINE": "1",
            "HF_HUB_OFFLINE": "1",
            "NLTK_DATA": os.pathsep.join([str(asset("wordnet")), str(asset("punkt-tab"))]),
            "AWS_DEFAULT_REGION": "us-east-1",
        },
        cwd=folder,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    scores: list[dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    return scores
