"""BERTScore has the values of the bert_score package, for MiniLM and for the architectures FMEval uses."""

from __future__ import annotations

import json
import math
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from llmops_plugins.metrics import bertscore
from llmops_plugins.metrics.bertscore import BertScore
from llmops_plugins.metrics.encoder import Encoder, find_weights
from llmops_plugins.metrics.pairs import Pair
from llmops_sdk import AssetError, Context, SpecError, file_sha256

Texts = Sequence[tuple[str, str]]
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


def expected_f1(folder: Path, layers: int, texts: Texts) -> list[float]:
    """What FMEval's helper model gives: bert_score, one pair at a time."""
    scorer = pytest.importorskip("bert_score").BERTScorer(model_type=str(folder), num_layers=layers, device="cpu")
    return [scorer.score([output], [[reference]])[2].item() for output, reference in texts]


def our_f1(folder: Path, layers: int, texts: Texts) -> list[float]:
    scores = BertScore(Encoder(folder, layers)).score([Pair(output, reference) for output, reference in texts])
    return [score["bertscore"] for score in scores if isinstance(score, dict)]


@pytest.mark.parametrize("layers", [6, 2])
def test_values_are_those_of_bert_score(minilm: Path, pairs: Texts, layers: int) -> None:
    """Within 1e-5 of the package, which encodes each pair by itself; here texts are encoded in batches."""
    texts = pairs[: 4 * layers]

    assert expected_f1(minilm, layers, texts) == pytest.approx(our_f1(minilm, layers, texts), abs=1e-5, rel=0)


def test_odd_texts_score_as_in_bert_score(minilm: Path, odd_pairs: Texts) -> None:
    """Empty texts score 0; control characters, emoji and other scripts score what bert_score gives."""
    expected = expected_f1(minilm, 6, odd_pairs)

    assert expected == pytest.approx(our_f1(minilm, 6, odd_pairs), abs=1e-5, rel=0)
    assert expected[0] == 0.0


def test_the_architectures_of_fmevals_encoders_score_as_in_bert_score(
    tiny_encoder: Path, pairs: Texts, odd_pairs: Texts
) -> None:
    """RoBERTa (a space before the first word) and DeBERTa, cut at their second layer, with random weights."""
    readable = [
        pair for pair in odd_pairs if not any("\ud800" <= letter < "\ue000" for text in pair for letter in text)
    ]
    short = [(output[:200], reference[:200]) for output, reference in (*pairs[:20], *readable)]

    assert expected_f1(tiny_encoder, 2, short) == pytest.approx(our_f1(tiny_encoder, 2, short), abs=1e-5, rel=0)


def test_long_texts_are_cut_as_in_bert_score(minilm: Path) -> None:
    """All beyond the encoder's maximum is left out, also where spaces or one word fill the beginning."""
    words = "word and another one, " * 5000
    texts = [
        (words, "One word."),
        ("One word.", words),
        ("x" * 9000 + " tail", "tail"),
        ("a" + " " * 9000 + "tail", "tail"),
    ]
    started = time.process_time()
    found = our_f1(minilm, 6, texts)

    assert time.process_time() - started < 20
    assert expected_f1(minilm, 6, texts) == pytest.approx(found, abs=1e-5, rel=0)


def test_an_encoder_whose_tokenizer_knows_no_maximum_is_not_overrun(tiny_encoder: Path) -> None:
    """RoBERTa's positions end at max_position_embeddings - 2; a longer text is cut there instead of failing."""
    encoder = Encoder(tiny_encoder, 1)

    assert len(encoder.tokens("word " * 1000)) == encoder.max_tokens == 256
    assert len(BertScore(encoder).score([Pair("word " * 1000, "word")])) == 1


def test_a_reference_is_encoded_once(minilm: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Candidates that share references cost half."""
    encoded: list[str] = []
    encoder = Encoder(minilm, 6)
    embed = encoder.embed

    def counting(texts: Any) -> Any:
        texts = list(texts)
        encoded.extend(texts)
        return embed(texts)

    monkeypatch.setattr(encoder, "embed", counting)
    scorer = BertScore(encoder)
    first = scorer.score([Pair("one", "reference"), Pair("two", "reference")])
    second = scorer.score([Pair("one", "reference"), Pair("three", "reference")])

    assert encoded == ["reference", "one", "two", "one", "three"]
    assert first[0] == pytest.approx(second[0], abs=1e-6)


def test_the_memory_of_references_is_bounded(minilm: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reference used longest ago gives way."""
    monkeypatch.setattr(bertscore, "_REFERENCE_BYTES", 3 * 4 * 384 * 2)  # two references of three tokens
    scorer = BertScore(Encoder(minilm, 6))
    for reference in ("cat", "dog", "cat", "cow"):
        scorer.score([Pair("pet", reference)])

    assert list(scorer._references._kept) == ["cat", "cow"]


def test_equal_texts_score_one_and_unlike_ones_less(minilm: Path) -> None:
    """The scale runs the right way."""
    same, near, far = our_f1(
        minilm, 6, [(text, "The cat sat.") for text in ("The cat sat.", "A cat was sitting.", "Tax law.")]
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


def test_what_cannot_be_had_is_told(context: Context, tmp_path: Path, minilm: Path) -> None:
    """A hub id that is not cached, a folder without weights, a layer that is not there: each in one clear line."""
    with pytest.raises(
        AssetError, match=r"the BERTScore encoder 'no/such' cannot be had: no model 'no/such' in its cache"
    ):
        find_weights(context, "no/such")
    with pytest.raises(AssetError, match=r"holds no encoder in Hugging Face's form"):
        find_weights(context, str(tmp_path))
    with pytest.raises(SpecError, match=r"bertscore_layers=7 is not a layer of this encoder; it has 1 to 6"):
        Encoder(minilm, 7)
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "model.safetensors").write_bytes(b"")
    with pytest.raises(AssetError, match=r"the BERTScore encoder in .* cannot be loaded"):
        Encoder(tmp_path, 1)
