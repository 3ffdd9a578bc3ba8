"""Encoders computed by ONNX Runtime: their cores, batches and graphs."""

from __future__ import annotations

import shutil
import threading
from importlib.metadata import version
from pathlib import Path

import pytest

from llmops_plugins.metrics.bertscore.encoder import Embedding
from llmops_plugins.metrics.bertscore.engine import load_encoder
from llmops_plugins.metrics.bertscore.onnx import OnnxEncoder, cores
from llmops_plugins.metrics.bertscore.weights import Weights

from .conftest import Expected, Load, Texts, our_f1

WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


@pytest.fixture
def four_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the process see four cores, whatever this machine has."""
    monkeypatch.setenv("OMP_NUM_THREADS", "4")
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(4)), raising=False)


@pytest.mark.usefixtures("four_cores")
def test_values_do_not_depend_on_the_cores(
    minilm: Path, pairs: Texts, encoder: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One after another or side by side, alone or in a batch: the numbers are the same to the last bit."""
    fast = encoder(minilm, 2)
    assert cores() == 4
    together = our_f1(fast, pairs[:12])
    monkeypatch.setenv("OMP_NUM_THREADS", "1")

    assert cores() == 1
    assert together == our_f1(fast, pairs[:12]) == [our_f1(fast, [pair])[0] for pair in pairs[:12]]


@pytest.mark.usefixtures("four_cores")
def test_batches_are_embedded_at_the_same_time(minilm: Path, encoder: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two texts of different lengths are two batches, and each waits until the other has started."""
    fast = encoder(minilm, 2)
    assert isinstance(fast, OnnxEncoder)
    both, embed = threading.Barrier(2, timeout=10), fast._embed

    def meeting(batch: list[str], tokens: dict[str, list[int]]) -> dict[str, Embedding]:
        both.wait()
        return embed(batch, tokens)

    monkeypatch.setattr(fast, "_embed", meeting)

    assert {"cat", "a cat sat"} == set(fast.embed(["cat", "a cat sat"]))


@pytest.mark.parametrize(
    ("limit", "usable", "used"), [("", 4, 4), ("3", 4, 3), ("9", 4, 4), ("0", 4, 4), ("2,1", 4, 4)]
)
def test_no_more_cores_are_used_than_the_process_may_use(
    monkeypatch: pytest.MonkeyPatch, limit: str, usable: int, used: int
) -> None:
    """The system's limit for the process counts, and OMP_NUM_THREADS where it is lower."""
    monkeypatch.setenv("OMP_NUM_THREADS", limit)
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(usable)), raising=False)

    assert used == cores()


def test_another_bert_is_supported(
    tmp_path: Path, minilm: Path, pairs: Texts, encoder: Load, expected_f1: Expected
) -> None:
    """A BERT of other sizes with a head and half precision, whose weights have names with the prefix `bert.`."""
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


def test_the_graph_is_built_once_and_again_for_other_weights(minilm: Path, tmp_path: Path) -> None:
    """Its name has the hash of the weights it is made from; a graph beside the weights is preferred."""
    weights = Weights("minilm", minilm, WEIGHTS_SHA256)
    first, again = (load_encoder(weights, 2, tmp_path) for _ in range(2))
    (cached,) = (tmp_path / "encoders").iterdir()
    before = cached.stat().st_mtime_ns
    other = load_encoder(Weights("minilm", minilm, "0" * 64), 2, tmp_path)

    assert cached.name == f"encoder-{WEIGHTS_SHA256[:16]}-2-1.onnx"
    assert cached.stat().st_mtime_ns == before
    assert len(list((tmp_path / "encoders").iterdir())) == 2
    assert first.engine == again.engine == other.engine == f"onnxruntime {version('onnxruntime')}"
    load_encoder(weights, 6, tmp_path)
    beside = (minilm / f"encoder-{WEIGHTS_SHA256[:16]}-6-1.onnx").is_file()
    assert len(list((tmp_path / "encoders").iterdir())) == (2 if beside else 3)
