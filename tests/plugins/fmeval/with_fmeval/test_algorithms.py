"""FMEval's other algorithms, run for real, have the values of the evaluators without FMEval."""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import pytest

from llmops_plugins.fmeval.detoxify import CHECKPOINT
from llmops_plugins.metrics.tasks.qa import normalize
from llmops_sdk.plugin import (
    Answer,
    Answered,
    Context,
    Evaluator,
    Generation,
    RecordScore,
    Scored,
    TextPrompt,
    Unanswered,
    Unscored,
    file_sha256,
)

Rows = Sequence[tuple[Mapping[str, Any], str]]
Make = Callable[[Rows], list[Generation]]

pytestmark = [
    pytest.mark.rare(reason="FMEval takes half a minute and more to be imported, several times over, and to start Ray"),
    pytest.mark.usefixtures("needs_fmeval", "temporary"),
    pytest.mark.timeout(900),
]


def compare(
    context: Context,
    names: tuple[str, str],
    options: tuple[Mapping[str, Any], Mapping[str, Any]],
    generations: list[Generation],
) -> Mapping[str, str]:
    """Score with FMEval's evaluator and with the one without it; return the provenance of the first.

    Metrics of the same name are equal: BERTScore within 1e-5, the others to the last bit.
    """
    true: Evaluator = context.make("evaluator", names[0], options[0])
    fast: Evaluator = context.make("evaluator", names[1], options[1])
    scores = list(true.evaluate(context, iter(generations)))
    expected = list(fast.evaluate(context, iter(generations)))
    assert [generation.index for generation in generations] == [score.index for score in scores]
    for theirs, ours in zip(scores, expected, strict=True):
        if isinstance(ours, Unscored):
            assert isinstance(theirs, Unscored), theirs
            continue
        assert isinstance(ours, Scored), ours
        assert isinstance(theirs, Scored), theirs
        assert len(theirs.scores) == len(ours.scores)
        for name, value in ours.scores.items():
            close = 1e-5 if "bertscore" in name else 0
            assert theirs.scores[_RENAMED.get(names[1], {}).get(name, f"fmeval_{name}")] == pytest.approx(
                value, abs=close, rel=0
            ), name
    return true.provenance(context)


_RENAMED = {
    "qa-accuracy": {"bertscore": "fmeval_qa_bertscore"},
    "classification-accuracy": {"classification_accuracy_score": "fmeval_classification_accuracy"},
    "prompt-stereotyping": {"is_biased": "fmeval_prompt_stereotyping"},
}
_QA = ["f1", "exact_match", "quasi_exact_match", "precision_over_words", "recall_over_words", "bertscore"]
_ODD = ("", " \n", "😀", "مرحبا", "The, an A.", "\x00\x1b[31m", "a $x b")


def test_qa_accuracy(context: Context, dolly: Rows, generations: Make) -> None:
    """Real records, records with several accepted answers, and odd ones."""
    answers: list[tuple[Mapping[str, Any], str]] = [
        ({"response": "London<OR>the U.K.<OR>UK"}, "the uk"),
        ({"response": ["London", "the U.K."]}, "The U.K.!"),
        ({"response": ["", None]}, "x"),
        *(({"response": f"{text} x"}, text) for text in _ODD),
    ]
    provenance = compare(
        context, ("fmeval-qa-accuracy", "qa-accuracy"), ({}, {"metrics": _QA}), generations([*answers, *dolly[:90]])
    )

    assert ("evaluate", "6") == (provenance["run"], provenance["bertscore_layers"])


@pytest.mark.parametrize("operator", ["OR", "AND"])
def test_factual_knowledge(context: Context, dolly: Rows, generations: Make, tmp_path: Path, operator: str) -> None:
    """Words of the records as expected answers, some of them in the output; with an interpreter by the option `python`.

    Of answers without words, FMEval finds every one; ours are left out, see docs/how-to/fmeval.md.
    """
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    delimiter = f"<{operator}>"
    shuffle = random.Random(3)
    rows = [
        ({"response": delimiter.join(shuffle.choices([*filter(normalize, record["response"].split())], k=2))}, output)
        for record, output in dolly[:90]
    ]
    odd = [({"response": "an x"}, text) for text in _ODD]
    options = {"delimiter": delimiter, "logical_operator": operator}
    provenance = compare(
        context, ("fmeval-factual-knowledge", "factual-knowledge"), (options, options), generations([*rows, *odd])
    )

    assert "evaluate" == provenance["run"]


def test_classification_accuracy(context: Context, generations: Make) -> None:
    """Labels in sentences, in capitals, missing; FMEval's scores of all records are in the provenance."""
    shuffle = random.Random(4)
    labels = ("positive", "negative", "neutral")
    texts = ("It is {} .", "{}", " {} ", "{}, I think", "POSITIVE and {}", "I {} know", "The review: {}\n", *_ODD)
    rows = [
        ({"response": shuffle.choice(labels)}, shuffle.choice(texts).replace("{}", shuffle.choice(labels)))
        for _ in range(100)
    ]
    options = {"valid_labels": ["Positive", "negative", "neutral"]}
    names = ("fmeval-classification-accuracy", "classification-accuracy")
    provenance = compare(context, names, (options, options), generations(rows))
    assert provenance["dataset_scores"].startswith("classification_accuracy_score 0.")
    assert "balanced_accuracy_score" in provenance["dataset_scores"]

    # without labels FMEval takes the references, which are the same words
    assert provenance["dataset_scores"] == compare(context, names, ({}, options), generations(rows))["dataset_scores"]


def test_prompt_stereotyping(context: Context) -> None:
    """With the probabilities of the endpoint; a probe without an answer leaves only its own record unscored."""
    shuffle = random.Random(5)
    sentences = {"sent_more": "One sentence.", "sent_less": "Another sentence."}
    asked = [
        Generation(
            index,
            sentences,
            TextPrompt("?", ""),
            Answer(""),
            probes={name: Answered(0, Answer(log_probability=-100 * shuffle.random())) for name in ("more", "less")},
        )
        for index in range(100)
    ]
    asked[7] = attrs.evolve(
        asked[7], probes={**asked[7].probes, "less": Unanswered(0, "the endpoint has no probabilities")}
    )
    asked[8] = attrs.evolve(
        asked[8], probes={name: Answered(0, Answer(log_probability=-1.0)) for name in ("more", "less")}
    )
    evaluator = context.make("evaluator", "fmeval-prompt-stereotyping", {})
    assert ["more", "less"] == [probe.name for probe in evaluator.probes(context, sentences)]
    provenance = compare(context, ("fmeval-prompt-stereotyping", "prompt-stereotyping"), ({}, {}), asked)

    biased = [score for score in evaluator.evaluate(context, iter(asked)) if isinstance(score, Scored)]
    mean = sum(score.scores["fmeval_prompt_stereotyping"] for score in biased) / len(biased)
    assert float(provenance["dataset_scores"].removeprefix("prompt_stereotyping ")) == pytest.approx(mean)


def test_a_record_that_fmeval_fails_on_leaves_the_others_scored(
    context: Context, generations: Make, tmp_path: Path
) -> None:
    """An encoder with 40 positions: FMEval's `evaluate` fails for all records, and the others are scored without it."""
    encoder = tmp_path / "encoder"
    roberta(encoder, labels=0, positions=42)
    options = {"bertscore_model": str(encoder), "bertscore_layers": 1}
    asked = generations([({"response": "a b"}, "a b"), ({"response": "a b"}, "a " * 100), ({"response": "c"}, "c d")])
    evaluator = context.make("evaluator", "fmeval-qa-accuracy", options)

    first, second, third = evaluator.evaluate(context, iter(asked))

    assert isinstance(first, Scored)
    assert isinstance(second, Unscored)
    assert second.error.startswith("FMEval cannot score it: ")
    assert isinstance(third, Scored)
    assert third.scores["fmeval_precision_over_words"] == 0.5
    provenance = evaluator.provenance(context)
    assert provenance["run"].startswith("evaluate failed (")
    assert provenance["run"].endswith("then evaluate_sample, record by record")
    assert str(encoder) == provenance["bertscore_model"]


def test_fmevals_own_encoder_is_found_by_its_name(
    context: Context, generations: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In Hugging Face's cache; FMEval loads it itself, here with tiny random weights."""
    commit = "1" * 40
    cached = tmp_path / "hub/models--roberta-large-mnli"
    roberta(cached / "snapshots" / commit, labels=0, layers=24)
    (cached / "refs").mkdir()
    (cached / "refs/main").write_text(commit)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    asked = generations([({"response": "a b"}, "a b"), ({"response": "a b"}, "x y")])
    evaluator = context.make("evaluator", "fmeval-qa-accuracy", {"bertscore_model": "roberta-large-mnli"})

    same, other = evaluator.evaluate(context, iter(asked))

    assert isinstance(same, Scored)
    assert isinstance(other, Scored)
    assert same.scores["fmeval_qa_bertscore"] == pytest.approx(1, abs=1e-5)
    assert other.scores["fmeval_qa_bertscore"] < 1
    provenance = evaluator.provenance(context)
    assert (f"roberta-large-mnli@{commit}", "19") == (provenance["bertscore_model"], provenance["bertscore_layers"])


@pytest.mark.parametrize("model_type", ["toxigen", "detoxify"])
def test_toxicity(context: Context, generations: Make, tmp_path: Path, model_type: str) -> None:
    """With tiny random weights as the assets; toxigen has one score, detoxify seven.

    ToxiGen fails on longer texts than it has positions, which FMEval does not cut.
    """
    toxic = tmp_path / "toxic"
    roberta(toxic, labels=2 if model_type == "toxigen" else 16)
    if model_type == "detoxify":
        _checkpoint(toxic)
    context = attrs.evolve(context, asset=lambda _name: toxic)
    fast_options = {"model_type": model_type, "weights": str(toxic)}
    rows: Rows = [
        ({}, text) for text in ("You are kind.", *_ODD, *(["word " * 200] if model_type == "detoxify" else []))
    ]
    asked = generations(rows)
    true = context.make("evaluator", "fmeval-toxicity", {"model_type": model_type})
    scores = list(true.evaluate(context, iter(asked)))

    assert len(scores[0].scores if isinstance(scores[0], Scored) else ()) == (1 if model_type == "toxigen" else 7)
    expected: list[RecordScore] = list(
        context.make("evaluator", "toxicity", fast_options).evaluate(context, iter(asked))
    )
    for theirs, ours in zip(scores, expected, strict=True):
        assert isinstance(theirs, Scored)
        assert isinstance(ours, Scored)
        assert {name.removeprefix("fmeval_"): value for name, value in theirs.scores.items()} == pytest.approx(
            ours.scores, abs=1e-6
        )
    weights = CHECKPOINT if model_type == "detoxify" else "model.safetensors"
    assert true.provenance(context)["toxicity_weights_sha256"] == file_sha256(toxic / weights)


def roberta(folder: Path, *, labels: int, layers: int = 1, positions: int = 130) -> None:
    """Write a RoBERTa with random weights, and a tokenizer that knows bytes."""
    import torch
    from transformers import RobertaConfig, RobertaForSequenceClassification, RobertaModel, RobertaTokenizer
    from transformers.models.roberta.tokenization_roberta import bytes_to_unicode

    folder.mkdir(parents=True)
    words = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", *bytes_to_unicode().values()]
    (folder / "vocab.json").write_text(json.dumps({word: place for place, word in enumerate(words)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    tokenizer = RobertaTokenizer(str(folder / "vocab.json"), str(folder / "merges.txt"))
    tokenizer.model_max_length = 128
    tokenizer.save_pretrained(folder)
    config = RobertaConfig(
        vocab_size=len(words),
        hidden_size=16,
        num_hidden_layers=layers,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=positions,
        type_vocab_size=1,
        num_labels=labels or 2,
    )
    torch.manual_seed(1)
    model = RobertaForSequenceClassification(config) if labels else RobertaModel(config)
    model.save_pretrained(folder)


def _checkpoint(folder: Path) -> None:
    """Write a folder's classifier as Detoxify's checkpoint; its name's hash is not checked by PyTorch."""
    import torch
    from transformers import RobertaForSequenceClassification

    model = RobertaForSequenceClassification.from_pretrained(folder)
    arguments = {
        "num_classes": 16,
        "model_type": "roberta-base",
        "model_name": "RobertaForSequenceClassification",
        "tokenizer_name": "RobertaTokenizer",
    }
    torch.save({"config": {"arch": {"args": arguments}}, "state_dict": model.state_dict()}, folder / CHECKPOINT)
