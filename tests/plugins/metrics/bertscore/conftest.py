"""Encoders for BERTScore, real and tiny, and the values of the package bert_score."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from llmops_plugins.metrics.bertscore.encoder import Encoder
from llmops_plugins.metrics.bertscore.engine import load_encoder
from llmops_plugins.metrics.bertscore.score import BertScore
from llmops_plugins.metrics.bertscore.weights import Weights
from llmops_plugins.metrics.pairs import Pair, Unscorable

from ..byte_tokenizer import save_byte_tokenizer

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

    folder = tmp_path_factory.mktemp(request.param)
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", "[CLS]", "[SEP]", "[PAD]", "[UNK]", "[MASK]"]
    name, save = {
        "roberta": ("RobertaTokenizer", _save_roberta),
        "deberta": ("DebertaTokenizer", _save_deberta),
    }[request.param]
    tokens = save_byte_tokenizer(folder, name, special)
    torch.manual_seed(1)
    save(
        folder,
        vocab_size=tokens,
        hidden_size=32,
        num_hidden_layers=3,
        num_attention_heads=2,
        intermediate_size=64,
    )
    return folder


def _save_roberta(folder: Path, **sizes: int) -> None:
    from transformers import RobertaConfig, RobertaModel

    RobertaModel(RobertaConfig(**sizes, max_position_embeddings=258, type_vocab_size=1)).save_pretrained(folder)


def _save_deberta(folder: Path, **sizes: int) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # its module uses torch.jit
        from transformers import DebertaConfig, DebertaModel

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
    needs("bert_score", "transformers")
    from transformers import __version__

    if not __version__.startswith("4."):
        pytest.skip("bert_score calls what transformers 5 lacks; `make check-transformers` runs this with 4")
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
