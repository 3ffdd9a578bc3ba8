"""Toxicity has the values of FMEval's two classifiers; the tests use small ones with random weights."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from llmops_plugins.metrics.toxicity.evaluator import Toxicity
from llmops_plugins.metrics.toxicity.options import DETOXIFY_METRICS, ToxicityOptions
from llmops_sdk import AssetError
from llmops_sdk.plugin import Context, Generation, Scored, Unscored

from .conftest import LABELS, TOKENS

Texts = Sequence[tuple[str, str]]
Make = Callable[[Texts], list[Generation]]
_ASK = """
import json, sys
import torch
from fmeval.eval_algorithms.helper_models.helper_model import DetoxifyHelperModel, ToxigenHelperModel

model = {"toxigen": ToxigenHelperModel, "detoxify": DetoxifyHelperModel}[sys.argv[1]]()
scores = [model.get_helper_scores([text]) for text in json.load(sys.stdin)]
sys.stdout.write("\\n" + json.dumps([{name: values[0] for name, values in score.items()} for score in scores]))
"""


def evaluator(kind: str, folder: Path) -> Toxicity:
    return Toxicity(ToxicityOptions(model_type=kind, weights=str(folder)))


@pytest.mark.timeout(1800)  # the first test that needs FMEval's environment builds it
@pytest.mark.rare  # most of it is the time FMEval takes to be imported
@pytest.mark.parametrize("kind", ["toxigen", "detoxify"])
def test_scores_are_those_of_fmevals_own_classes(
    kind: str,
    classifiers: Mapping[str, Path],
    hub_cache: Path,
    context: Context,
    generations: Make,
    odd_texts: Texts,
    fmeval_python: str,
) -> None:
    """For texts of all lengths and kinds, to the rounding of the weights' own arithmetic."""
    texts = [str(text) for text in odd_texts if "\ud83d" not in text]
    texts += ["Yes.", "I like all of you, whoever you are."]
    if kind == "toxigen":  # FMEval fails where a text is longer than the classifier takes
        texts = [text for text in texts if len(text.encode()) < TOKENS - 2]
    else:
        _write_checkpoint(hub_cache / "torch", classifiers[kind])
    done = subprocess.run(
        [fmeval_python, "-c", _ASK, kind],
        input=json.dumps(texts),
        capture_output=True,
        text=True,
        env={
            **os.environ,
            "HF_HOME": str(hub_cache),
            "HF_HUB_OFFLINE": "1",
            "TORCH_HOME": str(hub_cache / "torch"),
            "AWS_DEFAULT_REGION": "us-east-1",
        },
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    expected = json.loads(done.stdout.splitlines()[-1])
    scores = list(evaluator(kind, classifiers[kind]).evaluate(context, generations([(text, "") for text in texts])))

    assert len(expected) == len(scores)
    for theirs, ours in zip(expected, scores, strict=True):
        assert isinstance(ours, Scored)
        assert list(theirs) == list(ours.scores)
        assert theirs == pytest.approx(ours.scores, abs=1e-5)
    assert len({score["toxicity"] for score in expected}) > len(expected) // 2


def _write_checkpoint(torch_home: Path, classifier: Path) -> None:
    """Write the weights in the form of Detoxify's release, where torch keeps its downloads."""
    import torch
    from transformers import RobertaForSequenceClassification

    checkpoints = torch_home / "hub" / "checkpoints"
    checkpoints.mkdir(parents=True)
    arguments = {
        "model_name": "RobertaForSequenceClassification",
        "model_type": str(classifier),
        "tokenizer_name": "RobertaTokenizer",
        "num_classes": LABELS["detoxify"],
    }
    weights = RobertaForSequenceClassification.from_pretrained(classifier).state_dict()
    torch.save(
        {"config": {"arch": {"args": arguments}}, "state_dict": weights},
        checkpoints / "toxic_debiased-c7548aa0.ckpt",
    )


@pytest.mark.parametrize(("kind", "names"), [("toxigen", ("toxicity",)), ("detoxify", DETOXIFY_METRICS)])
def test_every_output_is_scored(
    kind: str,
    names: tuple[str, ...],
    classifiers: Mapping[str, Path],
    context: Context,
    generations: Make,
    odd_texts: Sequence[str],
) -> None:
    """An empty one, odd ones, and 20,000 words, of which the start is judged; batches change nothing."""
    scored = evaluator(kind, classifiers[kind])
    texts = [*odd_texts, "word " * 20_000, "word " * 100] * 4
    scores = list(scored.evaluate(context, generations([(text, "") for text in texts])))

    assert names == tuple(metric.name for metric in scored.metrics)
    assert not any(metric.higher_is_better for metric in scored.metrics)
    assert len(texts) == len(scores)
    size = len(texts) // 4
    for place, score in enumerate(scores):
        assert isinstance(score, Scored)
        assert names == tuple(score.scores)
        assert all(0 <= value <= 1 for value in score.scores.values())
        first = scores[place % size]
        assert isinstance(first, Scored)
        assert first.scores == pytest.approx(score.scores, abs=1e-5)
    assert scores[size - 1].scores == pytest.approx(scores[size - 2].scores, abs=1e-5)  # type: ignore[union-attr]


def test_a_record_without_a_finite_value_is_unscored(
    classifiers: Mapping[str, Path], tmp_path: Path, context: Context, generations: Make
) -> None:
    """No score is NaN."""
    from transformers import AutoTokenizer, RobertaForSequenceClassification

    model = RobertaForSequenceClassification.from_pretrained(classifiers["toxigen"])
    model.classifier.out_proj.bias.data.fill_(float("nan"))
    model.save_pretrained(tmp_path / "broken")
    AutoTokenizer.from_pretrained(classifiers["toxigen"]).save_pretrained(tmp_path / "broken")

    assert [Unscored(10, "the classifier returned a value that is not finite")] == list(
        evaluator("toxigen", tmp_path / "broken").evaluate(context, generations([("a", "")]))
    )


@pytest.mark.parametrize(("kind", "other"), [("toxigen", "detoxify"), ("detoxify", "toxigen")])
def test_another_classifier_is_refused(
    kind: str, other: str, classifiers: Mapping[str, Path], context: Context, generations: Make
) -> None:
    """By its labels."""
    with pytest.raises(AssetError, match=f"has another classifier than {kind}: its labels are LABEL_0, LABEL_1"):
        list(evaluator(kind, classifiers[other]).evaluate(context, generations([("a", "")])))


def test_unreadable_weights_are_an_error_with_the_folder(tmp_path: Path, context: Context, generations: Make) -> None:
    """In one line."""
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(AssetError, match=r"has no model in Hugging Face's form: config.json and \*.safetensors"):
        evaluator("toxigen", tmp_path).fingerprint(context)
    (tmp_path / "model.safetensors").write_bytes(b"none")
    with pytest.raises(AssetError, match=r"the classifier in '.*' cannot be loaded: ") as caught:
        list(evaluator("toxigen", tmp_path).evaluate(context, generations([("a", "")])))
    assert "\n" not in str(caught.value)


def test_the_classifier_is_recorded(classifiers: Mapping[str, Path], context: Context) -> None:
    """The hash of the weights is part of the key of the scores, and of their provenance."""
    scored = evaluator("toxigen", classifiers["toxigen"])
    metadata = scored.provenance(context)

    assert str(classifiers["toxigen"]) == metadata["toxicity_model"]
    assert scored.fingerprint(context) == metadata["toxicity_weights_sha256"]
    assert 64 == len(scored.fingerprint(context))
    assert scored.fingerprint(context) != evaluator("detoxify", classifiers["detoxify"]).fingerprint(context)
