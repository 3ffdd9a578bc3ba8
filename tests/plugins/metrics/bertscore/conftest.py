"""Encoders for BERTScore, real and tiny, and the values of the package bert_score."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from llmops_plugins.metrics.bertscore.encoder import Encoder
from llmops_plugins.metrics.bertscore.engine import load_encoder
from llmops_plugins.metrics.bertscore.score import BertScore
from llmops_plugins.metrics.bertscore.weights import Weights
from llmops_plugins.metrics.pairs import Pair, Unscorable

Texts = Sequence[tuple[str, str]]
Load = Callable[[Path, int], Encoder]
Expected = Callable[[Path, int, Texts], list[float]]


@pytest.fixture(scope="session")
def minilm(asset: Callable[[str], Path]) -> Path:
    """The folder of the asset."""
    return asset("minilm")


@pytest.fixture(scope="session", params=["roberta", "deberta"])
def tiny_encoder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an encoder of random weights (3 layers, 32 wide) and a tokenizer of single bytes."""
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
    """Compute the values of FMEval's helper model: bert_score, one pair at a time."""
    needs("bert_score")
    from bert_score import BERTScorer

    def compute(folder: Path, layers: int, texts: Texts) -> list[float]:
        scorer = BERTScorer(model_type=str(folder), num_layers=layers, device="cpu")
        return [scorer.score([output], [[reference]])[2].item() for output, reference in texts]

    return compute


@pytest.fixture(scope="session")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path, int], Encoder]:
    """Load an encoder as an evaluator does; its graph is built in a folder of these tests."""
    home = tmp_path_factory.mktemp("home")
    return lambda folder, layers: load_encoder(Weights("encoder", folder), layers, home)


def our_f1(encoder: Encoder, texts: Texts) -> list[float]:
    """Return our BERTScore of (output, reference) pairs; 0 where it is not defined, as bert_score does."""
    scores = BertScore(encoder).score([Pair(output, reference) for output, reference in texts])
    return [0.0 if isinstance(score, Unscorable) else score["bertscore"] for score in scores]
