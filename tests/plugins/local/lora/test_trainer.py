from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("peft")

import torch

from llmops_plugins._weights.locate import version
from llmops_plugins.local import device
from llmops_plugins.local.engine import memory
from llmops_plugins.local.engine.engine import Engine
from llmops_plugins.local.engine.request import Completion, GenerationRequest
from llmops_plugins.local.lora import trainer
from llmops_plugins.local.lora.trainer import LoraTrainer
from llmops_plugins.local.options import LoraOptions
from llmops_plugins.local.weights.loading import (
    load_model,
    load_tokenizer,
)
from llmops_sdk.plugin import AssetError, BaseModel

from ..architectures import save_model
from ..engine.reference import reference
from .example import (
    CPU,
    Interrupting,
    MakeContext,
    counting_rows,
    make_splits,
    train,
    weights_of,
)


def test_the_model_learns(make_context: MakeContext, tiny_model: Path, tmp_path: Path) -> None:
    """The loss on records never trained on falls, and the saved model has that loss."""
    splits = make_splits(tmp_path / "data", counting_rows())

    trained, folder = train(make_context, tiny_model, splits, max_steps=30, epochs=50, learning_rate=5e-3)

    before, after = trained.metrics["held_out_loss_before"], trained.metrics["held_out_loss_after"]
    assert before > 6  # random weights know as much as a uniform guess over 1000 tokens
    assert after < before - 3
    assert trained.curve[-1].loss == pytest.approx(after, abs=0.5)
    tokenizer = load_tokenizer(folder / trained.uri)
    prompt_ids = tokenizer("Say what comes after number 99 . Answer:")["input_ids"]
    ids = torch.tensor([[*prompt_ids, *tokenizer(" a water wheel")["input_ids"], tokenizer.eos_token_id]])
    labels = ids.clone()
    labels[:, : len(prompt_ids)] = -100
    with torch.no_grad():
        assert float(load_model(folder / trained.uri)(ids, labels=labels).loss) == pytest.approx(after, abs=0.5)


def test_a_training_returns_metrics_a_curve_and_the_merged_model(
    make_context: MakeContext, tiny_model: Path, tmp_path: Path
) -> None:
    """The folder has the merged model with the base model's tokenizer, and nothing else."""
    splits = make_splits(tmp_path / "data", counting_rows())

    trained, folder = train(make_context, tiny_model, splits)

    assert trained.format == "huggingface"
    assert trained.uri == "model"
    assert not trained.truncated
    assert trained.base.version == version(make_context(), BaseModel("huggingface", str(tiny_model)))
    metrics = trained.metrics
    assert (metrics["steps"], metrics["rows"], metrics["rows_held_out"], metrics["rows_dropped"]) == (8, 36, 4, 0)
    assert metrics["tokens"] > 8 * 40
    assert metrics["tokens_per_second"] > 0
    assert metrics["trainable_parameters"] == sum(
        16 * (sum(shape)) for shape in 2 * [(64, 64), (64, 32), (64, 32), (64, 64), (64, 128), (64, 128), (128, 64)]
    )
    assert [point.step for point in trained.curve] == list(range(9))
    assert [point.step for point in trained.curve if point.held_out_loss is not None] == [0, 8]
    assert all(point.loss is not None for point in trained.curve[1:])
    assert [path.name for path in folder.iterdir()] == ["model"]
    assert (folder / "model" / "tokenizer.json").read_bytes() == (tiny_model / "tokenizer.json").read_bytes()
    assert load_tokenizer(folder / "model").chat_template
    assert weights_of(folder / "model")["model.embed_tokens.weight"].dtype == torch.float32


def test_too_little_memory_is_reported_before_loading(
    make_context: MakeContext, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With what would fit, and nothing is trained."""
    monkeypatch.setattr(memory, "free_memory", lambda: 1e5)
    with pytest.raises(AssetError, match=r"the engine torch with float32 takes .*; what fits: .*a model of at most"):
        train(make_context, tiny_model, make_splits(tmp_path / "data", counting_rows()))


def test_the_same_seed_gives_the_same_weights(make_context: MakeContext, tiny_model: Path, tmp_path: Path) -> None:
    """The same options give the same weights bit by bit; another seed gives others."""
    splits = make_splits(tmp_path / "data", counting_rows())

    def weights_after(name: str, **chosen: Any) -> dict[str, torch.Tensor]:
        _, folder = train(make_context, tiny_model, splits, context={"folder": tmp_path / name}, **chosen)
        return weights_of(folder / "model")

    first, again, other = weights_after("first"), weights_after("again"), weights_after("other", seed=1)
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert any(not torch.equal(first[name], other[name]) for name in first)


@pytest.mark.parametrize(
    ("steps", "measured"),
    [(30, [0, 30]), (50, [0, 25, 50]), pytest.param(90, [0, 23, 45, 68, 90], marks=pytest.mark.slow)],
)
def test_the_held_out_loss_is_measured_as_often_as_the_training_is_long(
    make_context: MakeContext, tiny_model: Path, tmp_path: Path, steps: int, measured: list[int]
) -> None:
    """It is the loss before, after, and at most three times in between."""
    splits = make_splits(tmp_path / "data", counting_rows())

    trained, _ = train(make_context, tiny_model, splits, max_steps=steps, epochs=steps)

    assert [point.step for point in trained.curve if point.held_out_loss is not None] == measured


@pytest.mark.parametrize("dropout", [0.0, 0.1])
def test_training_in_bfloat16(make_context: MakeContext, tiny_model: Path, tmp_path: Path, dropout: float) -> None:
    """Training in bfloat16 (packed, and through transformers) learns what float32 learns, apart from its rounding."""
    splits = make_splits(tmp_path / "data", counting_rows())
    final = {}
    for dtype in ("float32", "bfloat16"):
        context = {"folder": tmp_path / dtype}
        trained, _ = train(make_context, tiny_model, splits, context=context, dtype=dtype, dropout=dropout)
        final[dtype] = trained.metrics["held_out_loss_after"]

    assert final["bfloat16"] == pytest.approx(final["float32"], abs=0.03)


ATTENTION = "k_proj, o_proj, q_proj, v_proj"
ALL = "down_proj, gate_proj, k_proj, o_proj, q_proj, up_proj, v_proj"
PACKED, PADDED = "packed rows", "padded batches through transformers"


@pytest.mark.parametrize(
    ("architecture", "adapters", "method"),
    [
        ("qwen3", ALL, PACKED),
        ("gemma3", ALL, PACKED),
        ("mistral", ALL, PACKED),
        ("mixtral", ATTENTION, PACKED),
        ("qwen3-moe", ATTENTION, PACKED),
        ("gpt2", "c_attn, c_fc, c_proj", PADDED),
        ("gemma2", ALL, PADDED),
    ],
)
def test_a_model_of_another_architecture_is_trained(
    architecture: str, adapters: str, method: str, make_context: MakeContext, tiny_model: Path, tmp_path: Path
) -> None:
    """With adapters on its linear layers, those of experts left out; the record has them, and how the loss was computed.

    The loss on held-out records falls, and the engine completes with the merged model as transformers does.
    """
    base = save_model(architecture, tmp_path / "base", tiny_model)
    splits = make_splits(tmp_path / "data", counting_rows())

    trained, folder = train(make_context, base, splits, learning_rate=1e-2, max_steps=12, epochs=20)

    assert trained.metadata["method"] == method
    assert trained.metadata["adapters"] == adapters
    assert trained.metrics["held_out_loss_after"] < trained.metrics["held_out_loss_before"] - 0.3
    (completion,) = Engine(folder / "model", CPU).generate([GenerationRequest("Say what", max_new_tokens=8)])
    assert isinstance(completion, Completion)
    assert completion.text == reference(folder / "model", "Say what", 8)


def test_long_records_are_left_out_and_counted(make_context: MakeContext, tiny_model: Path, tmp_path: Path) -> None:
    """Records over the maximum length are left out completely, counted, and logged."""
    long = {"context": "a very long one " * 60, "response": "x"}
    splits = make_splits(tmp_path / "data", [*counting_rows(20), long, long])
    progress = Interrupting(-1)

    trained, _ = train(make_context, tiny_model, splits, max_length=100, context={"progress": progress})

    assert trained.metrics["rows_dropped"] == 2
    assert trained.metrics["rows"] + trained.metrics["rows_held_out"] == 20
    assert "2 of 22 training records are longer than 100 tokens and were left out" in progress.lines


def test_the_models_context_limits_the_length(make_context: MakeContext, tiny_model: Path, tmp_path: Path) -> None:
    """Records longer than the model's context are left out, whatever the option allows."""
    rows = [*counting_rows(20), {"context": "word " * 1200, "response": "x"}]
    trained, _ = train(make_context, tiny_model, make_splits(tmp_path / "data", rows), max_length=5000, max_steps=1)

    assert trained.metrics["rows_dropped"] == 1


def test_the_key_of_a_training_has_what_the_machine_computes_with(
    make_context: MakeContext, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`auto` in another format is another training; `auto` and the same format asked for are the same one."""
    context, model = make_context(), BaseModel("huggingface", str(tiny_model))

    def key(dtype: str = "auto") -> str:
        return LoraTrainer(LoraOptions(device="cpu", dtype=dtype)).fingerprint(context, model)

    monkeypatch.setattr(device, "_cpu", lambda: device.Machine(cpu_bfloat16=False))
    plain = key()
    assert plain == key("float32")
    monkeypatch.setattr(device, "_cpu", lambda: device.Machine(cpu_bfloat16=True))
    native = key()
    assert native == key("bfloat16")
    assert plain != native
    monkeypatch.setattr(trainer, "ENGINE", ("torch",))
    assert native != key()
