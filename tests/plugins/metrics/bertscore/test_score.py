"""BERTScore has the values of the bert_score package, for MiniLM and for the architectures FMEval uses."""

from __future__ import annotations

import json
import math
import shutil
import sys
import threading
import warnings
from collections.abc import Callable, Sequence
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from llmops_plugins.metrics.bertscore import score as bertscore
from llmops_plugins.metrics.bertscore.encoder import Embedding, Encoder
from llmops_plugins.metrics.bertscore.engine import load_encoder
from llmops_plugins.metrics.bertscore.graph import UnsupportedEncoderError, check_supported, export_bert
from llmops_plugins.metrics.bertscore.onnx import OnnxEncoder, cores
from llmops_plugins.metrics.bertscore.score import BertScore, bert_score
from llmops_plugins.metrics.bertscore.torch import TorchEncoder
from llmops_plugins.metrics.bertscore.weights import Weights, find_weights
from llmops_plugins.metrics.pairs import Pair
from llmops_sdk import AssetError, MissingExtraError, SpecError
from llmops_sdk.plugin import Context, file_sha256

Texts = Sequence[tuple[str, str]]
Make = Callable[[Path, int], Encoder]
Expected = Callable[[Path, int, Texts], list[float]]
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


@pytest.fixture(scope="module")
def minilm(asset: Callable[[str], Path]) -> Path:
    return asset("minilm")


@pytest.fixture(scope="module", params=["roberta", "deberta"])
def tiny_encoder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an encoder of random weights (3 layers, 32 wide) and a tokenizer that knows bytes only."""
    import torch
    from transformers.models.gpt2.tokenization_gpt2 import bytes_to_unicode

    folder = tmp_path_factory.mktemp(request.param)
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", "[CLS]", "[SEP]", "[PAD]", "[UNK]", "[MASK]"]
    vocabulary = {token: place for place, token in enumerate([*special, *bytes_to_unicode().values()])}
    (folder / "vocab.json").write_text(json.dumps(vocabulary), encoding="utf-8")
    (folder / "merges.txt").write_text("#version: 0.2\n", encoding="utf-8")
    torch.manual_seed(1)
    save = _save_roberta if request.param == "roberta" else _save_deberta
    save(
        folder,
        vocab_size=len(vocabulary),
        hidden_size=32,
        num_hidden_layers=3,
        num_attention_heads=2,
        intermediate_size=64,
    )
    return folder


def _save_roberta(folder: Path, **sizes: int) -> None:
    from transformers import RobertaConfig, RobertaModel, RobertaTokenizer

    RobertaTokenizer(str(folder / "vocab.json"), str(folder / "merges.txt")).save_pretrained(folder)
    RobertaModel(RobertaConfig(**sizes, max_position_embeddings=258, type_vocab_size=1)).save_pretrained(folder)


def _save_deberta(folder: Path, **sizes: int) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # its module uses torch.jit
        from transformers import DebertaConfig, DebertaModel, DebertaTokenizer

    DebertaTokenizer(str(folder / "vocab.json"), str(folder / "merges.txt")).save_pretrained(folder)
    config = DebertaConfig(
        **sizes,
        relative_attention=True,
        pos_att_type=["c2p", "p2c"],
        position_biased_input=False,
        max_position_embeddings=256,
        type_vocab_size=0,
        pad_token_id=7,
    )
    DebertaModel(config).save_pretrained(folder)


@pytest.fixture
def expected_f1(needs: Callable[..., None]) -> Expected:
    """What FMEval's helper model gives: bert_score, one pair at a time."""
    needs("bert_score")
    from bert_score import BERTScorer

    def ask(folder: Path, layers: int, texts: Texts) -> list[float]:
        scorer = BERTScorer(model_type=str(folder), num_layers=layers, device="cpu")
        return [scorer.score([output], [[reference]])[2].item() for output, reference in texts]

    return ask


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path, int], Encoder]:
    """Make an encoder as an evaluator does; graphs are built into a folder of these tests' own."""
    home = tmp_path_factory.mktemp("home")
    return lambda folder, layers: load_encoder(Weights("encoder", folder), layers, home)


def our_f1(encoder: Encoder, texts: Texts) -> list[float]:
    scores = BertScore(encoder).score([Pair(output, reference) for output, reference in texts])
    return [score["bertscore"] for score in scores if isinstance(score, dict)]


@pytest.mark.parametrize("layers", [6, 2])
def test_values_are_those_of_bert_score(
    minilm: Path, pairs: Texts, encoder: Make, expected_f1: Expected, layers: int
) -> None:
    """Within 1e-5 of the package, which encodes each pair by itself; by ONNX Runtime, and by torch where it is missing."""
    texts = pairs[: 4 * layers]
    expected = expected_f1(minilm, layers, texts)
    fast = encoder(minilm, layers)

    assert isinstance(fast, OnnxEncoder)
    assert expected == pytest.approx(our_f1(fast, texts), abs=1e-5, rel=0)
    assert expected == pytest.approx(our_f1(TorchEncoder(minilm, layers), texts), abs=1e-5, rel=0)


def test_values_on_real_texts_are_those_of_bert_score(
    minilm: Path, encoder: Make, expected_f1: Expected, real_pairs: Callable[[], Texts]
) -> None:
    """The beginnings of 100 passages and summaries of Dolly."""
    texts = [(output[:300], reference[:300]) for output, reference in real_pairs()[:100]]

    assert len(texts) == 100
    assert expected_f1(minilm, 6, texts) == pytest.approx(our_f1(encoder(minilm, 6), texts), abs=1e-5, rel=0)


def test_odd_texts_score_as_in_bert_score(minilm: Path, odd_pairs: Texts, encoder: Make, expected_f1: Expected) -> None:
    """Empty texts score 0; control characters, emoji and other scripts score what bert_score gives."""
    expected = expected_f1(minilm, 6, odd_pairs)

    assert expected == pytest.approx(our_f1(encoder(minilm, 6), odd_pairs), abs=1e-5, rel=0)
    assert expected[0] == 0.0


def test_the_architectures_of_fmevals_encoders_score_as_in_bert_score(
    tiny_encoder: Path, pairs: Texts, odd_pairs: Texts, encoder: Make, expected_f1: Expected
) -> None:
    """RoBERTa (a space before the first word) and DeBERTa, cut at their second layer, with random weights, by torch."""
    readable = [
        pair for pair in odd_pairs if not any("\ud800" <= letter < "\ue000" for text in pair for letter in text)
    ]
    short = [(output[:200], reference[:200]) for output, reference in (*pairs[:20], *readable)]
    slow = encoder(tiny_encoder, 2)

    assert isinstance(slow, TorchEncoder)
    assert expected_f1(tiny_encoder, 2, short) == pytest.approx(our_f1(slow, short), abs=1e-5, rel=0)


def test_another_bert_is_served_by_onnx_runtime(
    tmp_path: Path, minilm: Path, pairs: Texts, encoder: Make, expected_f1: Expected
) -> None:
    """A BERT of other sizes with a head and half precision, whose weights' names begin with `bert.`."""
    import torch
    from transformers import BertConfig, BertForSequenceClassification

    torch.manual_seed(2)
    sizes = {"hidden_size": 48, "num_hidden_layers": 3, "num_attention_heads": 4, "intermediate_size": 80}
    BertForSequenceClassification(BertConfig(**sizes, vocab_size=30522, layer_norm_eps=1e-5)).half().save_pretrained(
        tmp_path
    )
    for name in ("vocab.txt", "tokenizer_config.json"):
        shutil.copy(minilm / name, tmp_path)
    fast = encoder(tmp_path, 2)

    assert isinstance(fast, OnnxEncoder)
    assert expected_f1(tmp_path, 2, pairs[:10]) == pytest.approx(our_f1(fast, pairs[:10]), abs=1e-5, rel=0)


@pytest.mark.timeout(120)
def test_long_texts_are_cut_as_in_bert_score(minilm: Path, encoder: Make, expected_f1: Expected) -> None:
    """All beyond the encoder's maximum is left out, also where spaces or one word fill the beginning."""
    words = "word and another one, " * 5000
    texts = [
        (words, "One word."),
        ("One word.", words),
        ("x" * 9000 + " tail", "tail"),
        ("a" + " " * 9000 + "tail", "tail"),
    ]

    assert expected_f1(minilm, 6, texts) == pytest.approx(our_f1(encoder(minilm, 6), texts), abs=1e-5, rel=0)


def test_an_encoder_whose_tokenizer_knows_no_maximum_is_not_overrun(tiny_encoder: Path, encoder: Make) -> None:
    """RoBERTa's positions end at max_position_embeddings - 2; a longer text is cut there instead of failing."""
    slow = encoder(tiny_encoder, 1)

    assert len(slow.tokens("word " * 1000)) == slow.max_tokens == 256
    assert len(BertScore(slow).score([Pair("word " * 1000, "word")])) == 1


def test_a_text_is_encoded_once(minilm: Path, encoder: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Candidates that share references cost half, and an answer that comes again costs nothing."""
    encoded: list[str] = []
    fast = encoder(minilm, 6)
    embed = fast.embed

    def counting(texts: Any) -> Any:
        texts = list(texts)
        encoded.extend(texts)
        return embed(texts)

    monkeypatch.setattr(fast, "embed", counting)
    scorer = BertScore(fast)
    first = scorer.score([Pair("one", "reference"), Pair("two", "reference"), Pair("two", "reference")])
    second = scorer.score([Pair("one", "reference"), Pair("three", "reference"), Pair("reference", "one")])

    assert encoded == ["reference", "one", "two", "three"]
    assert first[0] == second[0]


def test_the_scorer_is_shared_in_a_process(context: Context) -> None:
    """The score steps of a run's candidates find the references of those before them."""
    weights = find_weights(context, "minilm")

    assert bert_score(weights, 6, context.home) is bert_score(find_weights(context, "minilm"), 6, context.home)


def test_the_memory_of_references_is_bounded(minilm: Path, encoder: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """When there is no more room for one, another gives way."""
    monkeypatch.setattr(bertscore, "_REFERENCE_BYTES", 3 * 4 * 384 * 2)  # two references of three tokens
    scorer = BertScore(encoder(minilm, 6))
    for reference in ("cat", "dog", "cat", "cow", "hen"):
        scorer.score([Pair("pet", reference)])
        assert len(scorer._references._embeddings) <= 2

    assert len(scorer._references._embeddings) == len(scorer._references._texts) == 2


def test_the_best_of_several_references_counts(minilm: Path, encoder: Make) -> None:
    """As in bert_score, which takes the maximum."""
    scorer = BertScore(encoder(minilm, 6))
    several, best = scorer.score(
        [Pair("A cat sat.", "Tax law.", ("The cat sat.", "")), Pair("A cat sat.", "The cat sat.")]
    )

    assert several == best


@pytest.fixture
def four_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the process had four cores, whatever this machine has."""
    monkeypatch.setenv("OMP_NUM_THREADS", "4")
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(4)), raising=False)


@pytest.mark.usefixtures("four_cores")
def test_values_do_not_depend_on_the_cores(
    minilm: Path, pairs: Texts, encoder: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One after another or side by side, alone or among others: the same numbers to the last bit."""
    fast = encoder(minilm, 2)
    assert cores() == 4
    together = our_f1(fast, pairs[:12])
    monkeypatch.setenv("OMP_NUM_THREADS", "1")

    assert cores() == 1
    assert together == our_f1(fast, pairs[:12]) == [our_f1(fast, [pair])[0] for pair in pairs[:12]]


@pytest.mark.usefixtures("four_cores")
def test_batches_are_embedded_at_the_same_time(minilm: Path, encoder: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two texts of different lengths are two batches, and each waits until the other is under way."""
    fast = encoder(minilm, 2)
    assert isinstance(fast, OnnxEncoder)
    both, embed = threading.Barrier(2, timeout=10), fast._embed

    def meeting(batch: list[str], tokens: dict[str, list[int]]) -> dict[str, Embedding]:
        both.wait()
        return embed(batch, tokens)

    monkeypatch.setattr(fast, "_embed", meeting)

    assert {"cat", "a cat sat"} == set(fast.embed(["cat", "a cat sat"]))


@pytest.mark.parametrize(("asked", "there", "used"), [("", 4, 4), ("3", 4, 3), ("9", 4, 4), ("0", 4, 4), ("2,1", 4, 4)])
def test_no_more_cores_are_used_than_there_are(
    monkeypatch: pytest.MonkeyPatch, asked: str, there: int, used: int
) -> None:
    """The system's limit for the process counts, and OMP_NUM_THREADS where it asks for fewer."""
    monkeypatch.setenv("OMP_NUM_THREADS", asked)
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(there)), raising=False)

    assert used == cores()


def test_equal_texts_score_one_and_unlike_ones_less(minilm: Path, encoder: Make) -> None:
    """The scale runs the right way."""
    same, near, far = our_f1(
        encoder(minilm, 6), [(text, "The cat sat.") for text in ("The cat sat.", "A cat was sitting.", "Tax law.")]
    )

    assert math.isclose(same, 1.0, abs_tol=1e-5)
    assert far < near < same


def test_the_true_weights_are_told(context: Context, minilm: Path) -> None:
    """The asset has its hub id for a name, a folder its path; both the hash of the weights."""
    for model, name in (("minilm", "sentence-transformers/all-MiniLM-L6-v2"), (str(minilm), str(minilm.resolve()))):
        weights = find_weights(context, model)

        assert (name, WEIGHTS_SHA256) == (weights.name, weights.sha256())
    assert file_sha256(minilm / "model.safetensors") == WEIGHTS_SHA256


def test_a_model_in_the_hubs_cache_is_found_offline(
    context: Context, tiny_encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name is the hub id with the commit."""
    commit = "0123456789abcdef0123456789abcdef01234567"
    stored = tmp_path / "hub" / "models--some--encoder"
    (stored / "refs").mkdir(parents=True)
    (stored / "refs" / "main").write_text(commit)
    (stored / "snapshots").mkdir()
    (stored / "snapshots" / commit).symlink_to(tiny_encoder)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))

    assert f"some/encoder@{commit}" == find_weights(context, "some/encoder").name


def test_what_cannot_be_had_is_told(context: Context, tmp_path: Path, minilm: Path, encoder: Make) -> None:
    """A hub id that is not cached, a folder without weights, a layer that is not there: each in one clear line."""
    with pytest.raises(
        AssetError,
        match=r"the BERTScore encoder 'no/such' is not available: the model 'no/such' is not in the Hugging Face cache; "
        r"run 'hf download no/such' on a machine with a network and copy its cache to this one, or give bertscore_model a ",
    ):
        find_weights(context, "no/such")
    with pytest.raises(AssetError, match=r"has no model in Hugging Face's form"):
        find_weights(context, str(tmp_path))
    with pytest.raises(SpecError, match=r"bertscore_layers=7 is not a layer of this encoder; it has 1 to 6"):
        encoder(minilm, 7)
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "model.safetensors").write_bytes(b"")
    with pytest.raises(AssetError, match=r"the BERTScore encoder in .* cannot be loaded"):
        encoder(tmp_path, 1)


def test_the_graph_is_built_once_and_again_for_other_weights(minilm: Path, tmp_path: Path) -> None:
    """Its name tells the hash of the weights it came from; the one beside the weights is taken before all."""
    weights = Weights("minilm", minilm, WEIGHTS_SHA256)
    first, again = (load_encoder(weights, 2, tmp_path) for _ in range(2))
    (kept,) = (tmp_path / "encoders").iterdir()
    before = kept.stat().st_mtime_ns
    other = load_encoder(Weights("minilm", minilm, "0" * 64), 2, tmp_path)

    assert kept.name == f"encoder-{WEIGHTS_SHA256[:16]}-2-1.onnx"
    assert kept.stat().st_mtime_ns == before
    assert len(list((tmp_path / "encoders").iterdir())) == 2
    assert first.engine == again.engine == other.engine == f"onnxruntime {version('onnxruntime')}"
    load_encoder(weights, 6, tmp_path)
    beside = (minilm / f"encoder-{WEIGHTS_SHA256[:16]}-6-1.onnx").is_file()
    assert len(list((tmp_path / "encoders").iterdir())) == (2 if beside else 3)


@pytest.mark.parametrize("missing", ["onnxruntime", "onnx"])
def test_without_onnx_runtime_torch_serves(
    minilm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    """Slower, and the same values."""
    where = "llmops_plugins.metrics.bertscore.onnx.find_spec"
    monkeypatch.setattr(where, lambda name: None if name == missing else find_spec(name))

    assert load_encoder(Weights("minilm", minilm), 2, tmp_path).engine.startswith("torch ")


@pytest.mark.parametrize(
    ("changes", "missing", "message"),
    [
        ({}, ("onnxruntime", "onnx"), r"\(onnxruntime is not installed\).*pip install 'llmops-sdk\[metrics\]'"),
        ({}, ("onnx",), r"\(onnx, which builds its graph once, is not .*pip install 'llmops-sdk\[metrics\]'"),
        (
            {"model_type": "roberta"},
            ("onnxruntime",),
            r"\(its model_type is 'roberta'\).*pip install 'llmops-sdk\[local\]'",
        ),
    ],
)
def test_without_both_the_extra_is_named(
    minilm: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    changes: dict[str, str],
    missing: Sequence[str],
    message: str,
) -> None:
    """The one that helps, with the reason why ONNX Runtime does not serve: it is missing, or it is another encoder."""
    where = "llmops_plugins.metrics.bertscore.onnx.find_spec"
    monkeypatch.setattr(where, lambda name: None if name in missing else find_spec(name))
    monkeypatch.setitem(sys.modules, "llmops_plugins.metrics.bertscore.torch", None)
    for file in minilm.iterdir():
        if file.suffix != ".onnx":
            (tmp_path / file.name).symlink_to(file)
    config = json.loads((minilm / "config.json").read_text())
    (tmp_path / "config.json").unlink()
    (tmp_path / "config.json").write_text(json.dumps({**config, **changes}))
    with pytest.raises(MissingExtraError, match=message):
        load_encoder(Weights("encoder", tmp_path), 6, tmp_path / "home")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"model_type": "roberta"}, "its model_type is 'roberta'"),
        ({"hidden_act": "relu"}, "its hidden_act is 'relu'"),
        ({"position_embedding_type": "relative_key"}, "its position_embedding_type"),
        ({"is_decoder": True}, "it has is_decoder"),
        ({"quantization_config": {"load_in_8bit": True}}, "it has quantization_config"),
    ],
)
def test_an_encoder_that_is_no_plain_bert_is_left_to_torch(
    minilm: Path, tmp_path: Path, changes: dict[str, Any], reason: str
) -> None:
    """Its graph would be another one."""
    (tmp_path / "model.safetensors").symlink_to(minilm / "model.safetensors")
    config = json.loads((minilm / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, **changes}))
    with pytest.raises(UnsupportedEncoderError, match=reason):
        check_supported(tmp_path)


def test_weights_that_are_not_a_berts_are_told(minilm: Path, tmp_path: Path) -> None:
    """Without their names no graph is built, and no half of one is left."""
    from safetensors.numpy import save_file

    shutil.copy(minilm / "config.json", tmp_path)
    save_file({"something": np.zeros(3, np.float32)}, tmp_path / "model.safetensors")
    with pytest.raises(UnsupportedEncoderError, match=r"its weights have no embeddings\."):
        export_bert(tmp_path, 2, tmp_path / "graph.onnx")
    (tmp_path / "model.safetensors").write_bytes(b"broken")
    with pytest.raises(UnsupportedEncoderError, match=r"model.safetensors cannot be read"):
        export_bert(tmp_path, 2, tmp_path / "graph.onnx")

    assert sorted(path.name for path in tmp_path.iterdir()) == ["config.json", "model.safetensors"]


def test_a_cache_that_cannot_be_written_leaves_the_work_to_torch(minilm: Path, tmp_path: Path) -> None:
    """A file stands where the folder of graphs should be."""
    (tmp_path / "encoders").write_text("")

    assert load_encoder(Weights("minilm", minilm), 3, tmp_path).engine.startswith("torch ")
