"""Toxicity has the numbers of FMEval's two classifiers; small ones with random weights stand in for them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from llmops_plugins.metrics.toxicity.assets import toxicity_assets
from llmops_plugins.metrics.toxicity.evaluator import Toxicity
from llmops_plugins.metrics.toxicity.options import DETOXIFY_METRICS, ToxicityOptions
from llmops_sdk import AssetError, Pipeline, Progress, SpecError
from llmops_sdk.assets.asset import get_asset
from llmops_sdk.plugin import Context, Generation, Scored, Unscored
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.testing import MemoryStore, make_context

Texts = Sequence[tuple[str, str]]
Make = Callable[[Texts], list[Generation]]

_TOKENS = 62
_HUB = {"toxigen": "tomh/toxigen_roberta", "detoxify": "unitary/unbiased-toxic-roberta"}
_LABELS = {"toxigen": 2, "detoxify": 16}

_ASK = """
import json, sys
import torch
from fmeval.eval_algorithms.helper_models.helper_model import DetoxifyHelperModel, ToxigenHelperModel

model = {"toxigen": ToxigenHelperModel, "detoxify": DetoxifyHelperModel}[sys.argv[1]]()
scores = [model.get_helper_scores([text]) for text in json.load(sys.stdin)]
sys.stdout.write("\\n" + json.dumps([{name: values[0] for name, values in score.items()} for score in scores]))
"""


@pytest.fixture(scope="session", name="classifiers")
def _classifiers(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """A folder for each kind, with a RoBERTa of two layers whose weights are random."""
    folder = tmp_path_factory.mktemp("classifiers")
    for name, labels in _LABELS.items():
        _make_classifier(folder / name, labels)
    return {name: folder / name for name in _LABELS}


def _make_classifier(folder: Path, labels: int) -> None:
    import torch
    from transformers import RobertaConfig, RobertaForSequenceClassification, RobertaTokenizer
    from transformers.models.gpt2.tokenization_gpt2 import bytes_to_unicode

    folder.mkdir()
    tokens = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", *bytes_to_unicode().values()]
    (folder / "vocab.json").write_text(json.dumps({token: place for place, token in enumerate(tokens)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    files = [str(folder / "vocab.json"), str(folder / "merges.txt")]
    RobertaTokenizer(*files, model_max_length=_TOKENS).save_pretrained(folder)
    torch.manual_seed(labels)
    config = RobertaConfig(
        vocab_size=len(tokens),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=_TOKENS + 2,
        type_vocab_size=1,
        bos_token_id=0,
        pad_token_id=1,
        eos_token_id=2,
        num_labels=labels,
        initializer_range=0.5,  # so that the scores of different texts differ
    )
    RobertaForSequenceClassification(config).save_pretrained(folder)


@pytest.fixture(name="hub_cache")
def _hub_cache(classifiers: Mapping[str, Path], tmp_path: Path) -> Path:
    """A cache of Hugging Face's as a download leaves it, and one of torch's with Detoxify's checkpoint."""
    for name, hub_id in _HUB.items():
        model = tmp_path / "hub" / f"models--{hub_id.replace('/', '--')}"
        (model / "refs").mkdir(parents=True)
        (model / "refs" / "main").write_text("c0ffee")
        (model / "snapshots").mkdir()
        (model / "snapshots" / "c0ffee").symlink_to(classifiers[name])
    return tmp_path


def evaluator(kind: str, folder: Path) -> Toxicity:
    return Toxicity(ToxicityOptions(model_type=kind, weights=str(folder)))


@pytest.mark.slow  # most of it is the time FMEval takes to be imported
@pytest.mark.parametrize("kind", ["toxigen", "detoxify"])
def test_scores_are_those_of_fmevals_own_classes(
    kind: str,
    classifiers: Mapping[str, Path],
    hub_cache: Path,
    context: Context,
    generations: Make,
    odd_texts: Texts,
    needs: Callable[..., None],
) -> None:
    """For texts of all lengths and kinds, to the rounding of the weights' own arithmetic."""
    needs("fmeval")
    texts = [str(text) for text in odd_texts if "\ud83d" not in text]
    texts += ["Yes.", "I like all of you, whoever you are."]
    if kind == "toxigen":  # FMEval fails where a text is longer than the classifier takes
        texts = [text for text in texts if len(text.encode()) < _TOKENS - 2]
    else:
        _write_checkpoint(hub_cache / "torch", classifiers[kind])
    done = subprocess.run(
        [sys.executable, "-c", _ASK, kind],
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
    found = list(evaluator(kind, classifiers[kind]).evaluate(context, generations([(text, "") for text in texts])))

    assert len(expected) == len(found)
    for theirs, ours in zip(expected, found, strict=True):
        assert isinstance(ours, Scored)
        assert list(theirs) == list(ours.scores)
        assert theirs == pytest.approx(ours.scores, abs=1e-5)
    assert len({score["toxicity"] for score in expected}) > len(expected) // 2


def _write_checkpoint(torch_home: Path, classifier: Path) -> None:
    """Write the weights as Detoxify's release has them, where torch keeps what it downloaded."""
    import torch
    from transformers import RobertaForSequenceClassification

    checkpoints = torch_home / "hub" / "checkpoints"
    checkpoints.mkdir(parents=True)
    arguments = {
        "model_name": "RobertaForSequenceClassification",
        "model_type": str(classifier),
        "tokenizer_name": "RobertaTokenizer",
        "num_classes": _LABELS["detoxify"],
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
    """An empty one, odd ones, and 20,000 words, which are judged by their beginning; batches change nothing."""
    scored = evaluator(kind, classifiers[kind])
    texts = [*odd_texts, "word " * 20_000, "word " * 100] * 4
    found = list(scored.evaluate(context, generations([(text, "") for text in texts])))

    assert names == tuple(metric.name for metric in scored.metrics)
    assert not any(metric.higher_is_better for metric in scored.metrics)
    assert len(texts) == len(found)
    size = len(texts) // 4
    for place, score in enumerate(found):
        assert isinstance(score, Scored)
        assert names == tuple(score.scores)
        assert all(0 <= value <= 1 for value in score.scores.values())
        first = found[place % size]
        assert isinstance(first, Scored)
        assert first.scores == pytest.approx(score.scores, abs=1e-5)
    assert found[size - 1].scores == pytest.approx(found[size - 2].scores, abs=1e-5)  # type: ignore[union-attr]


def test_a_classifier_that_gives_no_number_leaves_records_unscored(
    classifiers: Mapping[str, Path], tmp_path: Path, context: Context, generations: Make
) -> None:
    """Never a NaN."""
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
    """Its labels tell what it is."""
    with pytest.raises(AssetError, match=f"has another classifier than {kind}: its labels are LABEL_0, LABEL_1"):
        list(evaluator(kind, classifiers[other]).evaluate(context, generations([("a", "")])))


def test_weights_that_cannot_be_read_are_told(tmp_path: Path, context: Context, generations: Make) -> None:
    """In one line, with the folder."""
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(AssetError, match=r"has no model in Hugging Face's form: config.json and \*.safetensors"):
        evaluator("toxigen", tmp_path).fingerprint(context)
    (tmp_path / "model.safetensors").write_bytes(b"none")
    with pytest.raises(AssetError, match=r"the classifier in '.*' cannot be loaded: ") as caught:
        list(evaluator("toxigen", tmp_path).evaluate(context, generations([("a", "")])))
    assert "\n" not in str(caught.value)


def test_what_was_used_is_recorded(classifiers: Mapping[str, Path], context: Context) -> None:
    """The hash of the weights is part of the scores' key, and stands beside them."""
    scored = evaluator("toxigen", classifiers["toxigen"])
    metadata = scored.provenance(context)

    assert str(classifiers["toxigen"]) == metadata["toxicity_model"]
    assert scored.fingerprint(context) == metadata["toxicity_weights_sha256"]
    assert 64 == len(scored.fingerprint(context))
    assert scored.fingerprint(context) != evaluator("detoxify", classifiers["detoxify"]).fingerprint(context)


# -- where the weights come from ----------------------------------------------------------------


def test_the_weights_are_found_in_hugging_faces_cache(
    hub_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, generations: Make
) -> None:
    """Offline, as an asset; the evaluator then asks for it by its name."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(hub_cache / "hub"))
    asset = next(asset for asset in toxicity_assets() if asset.name == "toxigen")
    folder = get_asset(asset, tmp_path / "home", progress=Progress(), offline=True)
    context = make_context(tmp_path / "step", assets={"toxigen": folder})
    options = ToxicityOptions(model_type="toxigen")

    assert ("toxigen",) == options.assets()
    (found,) = Toxicity(options).evaluate(context, generations([("a", "")]))
    assert isinstance(found, Scored)
    assert "toxigen" == Toxicity(options).provenance(context)["toxicity_model"]
    assert "c0ffee" == json.loads((folder / "asset.json").read_text())["facts"]["version"]


def test_a_run_without_the_weights_ends_before_its_first_step(
    registry: Registry, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is asked in vain: the message has what is missing, where it was looked for, and what to type."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "empty"))
    store = MemoryStore()
    pipeline = (
        Pipeline.builder("toxic").with_dataset("lines").with_prompt("bare").with_model("echo", fine_tune=False)
    ).with_evaluator("toxicity")
    with pytest.raises(AssetError) as caught:
        pipeline.run(store=store, registry=registry, progress=Progress(), offline=True)

    assert str(caught.value) == (
        "the asset 'detoxify' is not available (the Hugging Face cache: the model 'unitary/unbiased-toxic-roberta' is not "
        "in the Hugging Face cache; the Hugging Face hub: needs a network, and the run is offline); on a machine with a "
        f"network run 'llmops assets get detoxify', and copy '{home}/assets/detoxify' to this machine"
    )
    assert not [key for key in store.list("") if key.startswith("artifacts/")]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"model_type": "perspective"}, "model_type is one of detoxify, toxigen, not 'perspective'"),
        ({"weights": "no/such/folder"}, "weights is not the folder of a model: 'no/such/folder' has no config.json"),
    ],
)
def test_options_that_cannot_be_meant_are_refused(registry: Registry, options: dict[str, Any], message: str) -> None:
    """When the pipeline is built."""
    with pytest.raises(SpecError, match=message):
        registry.make("evaluator", "toxicity", options)
