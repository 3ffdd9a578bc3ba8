from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("peft")

import torch

from llmops_plugins.local.lora.loss import make_loss
from llmops_plugins.local.lora.model import trainable
from llmops_plugins.local.lora.packed import PackedLoss
from llmops_plugins.local.lora.padded import PaddedLoss
from llmops_plugins.local.lora.rows import TrainingRow

from ..architectures import save_model
from .example import CPU, example_rows, options, perturbed, rows_with_common_start

PACKED = ["llama", "qwen3", "gemma3", "qwen3-moe", "mixtral", "mistral", "gpt2"]
PADDED = {"gemma2": "softcap", "bloom": "BloomForCausalLM"}


def loss_and_gradients(
    loss: Callable[[Sequence[TrainingRow]], torch.Tensor], model: Any, rows: Sequence[TrainingRow]
) -> tuple[float, dict[str, torch.Tensor]]:
    model.zero_grad()
    value: Any = loss(rows)
    value.backward()
    parameters: dict[str, Any] = dict(trainable(model))
    return value.item(), {name: parameter.grad.clone() for name, parameter in parameters.items()}


def adapted(architecture: str, tiny_model: Path, folder: Path) -> Any:
    """A model with adapters and without dropout."""
    base = tiny_model if architecture == "llama" else save_model(architecture, folder / "base", tiny_model)
    model = perturbed(base, options())
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    return model


@pytest.mark.parametrize("architecture", PACKED)
def test_the_losses_are_those_of_transformers(architecture: str, tiny_model: Path, tmp_path: Path) -> None:
    """The packed and the padded loss, and all their gradients, are those of transformers for each row alone.

    The windows of these models are shorter than the rows.
    """
    model = adapted(architecture, tiny_model, tmp_path)

    def one_by_one(rows: Sequence[TrainingRow]) -> torch.Tensor:
        total = torch.zeros(())
        for row in rows:
            ids = torch.from_numpy(row.ids.astype("int64"))[None]
            labels = ids.clone()
            labels[:, : row.prompt] = -100
            total = total + model(input_ids=ids, labels=labels).loss * len(row.targets)
        return total

    batches = [example_rows(), rows_with_common_start(), example_rows()[:1]]
    expected = [loss_and_gradients(one_by_one, model, rows) for rows in batches]
    for kind in (PaddedLoss, PackedLoss):
        loss = PaddedLoss(model, CPU) if kind is PaddedLoss else make_loss(model, options(), CPU)
        assert isinstance(loss, kind)
        for rows, (value, gradients) in zip(batches, expected, strict=True):
            actual, actual_gradients = loss_and_gradients(loss, model, rows)
            assert actual == pytest.approx(value, rel=1e-5)
            for name, gradient in gradients.items():
                torch.testing.assert_close(actual_gradients[name], gradient, rtol=2e-3, atol=2e-5 * max(1, value))


def test_prompt_tokens_have_no_loss(tiny_model: Path) -> None:
    """The loss is that of the completion's tokens only."""
    row = example_rows()[0]
    model = perturbed(tiny_model, options())
    with torch.no_grad():
        logits = model(torch.from_numpy(row.ids.astype("int64"))[None]).logits[0].log_softmax(-1)
        loss = make_loss(model, options(), CPU)
        all_targets = float(loss([TrainingRow(row.ids, 0)]))
        few_targets = float(loss([row]))
    expected = -sum(float(logits[place - 1, row.ids[place]]) for place in range(20, 30))
    assert few_targets == pytest.approx(expected, rel=1e-5)
    assert all_targets > few_targets


@pytest.mark.parametrize(("architecture", "reason"), PADDED.items())
def test_rows_are_padded_where_packing_would_differ(
    architecture: str, reason: str, tiny_model: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The log has the reason, and the model has its own attention and layers again."""
    model = adapted(architecture, tiny_model, tmp_path)
    ids = torch.arange(5, 60)[None]
    with torch.no_grad():
        before = model(ids).logits

    loss = make_loss(model, options(), CPU)

    assert isinstance(loss, PaddedLoss)
    assert reason in caplog.text
    with torch.no_grad():
        torch.testing.assert_close(model(ids).logits, before)


def test_attention_with_dropout_needs_padded_rows(
    tiny_model: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It is refused though it drops nothing while the two are compared, and the random state stays as it was."""
    model = perturbed(save_model("gpt2", tmp_path / "base", tiny_model), options()).train()
    state = torch.get_rng_state()

    loss = make_loss(model, options(), CPU)

    assert isinstance(loss, PaddedLoss)
    assert "GPT2LMHeadModel has attention with dropout" in caplog.text
    assert model.training
    assert torch.equal(torch.get_rng_state(), state)


def test_dropout_on_the_adapters_needs_padded_rows(tiny_model: Path) -> None:
    """A prefix that rows share would have the same elements dropped in all of them."""
    chosen = options(dropout=0.1)
    assert isinstance(make_loss(perturbed(tiny_model, chosen), chosen, CPU), PaddedLoss)
