from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("peft")

import numpy as np
import torch

from llmops_plugins.local.device import Device
from llmops_plugins.local.lora.autograd import Frozen, LoraFunction, RmsNormFunction
from llmops_plugins.local.lora.loss import make_loss
from llmops_plugins.local.lora.model import adapt
from llmops_plugins.local.lora.packed import PackedLoss
from llmops_plugins.local.lora.padded import PaddedLoss
from llmops_plugins.local.lora.rows import TrainingRow

from ..architectures import save_model
from .example import CPU, options, rows_with_common_start


def test_the_residual_stream_is_float32_with_weights_in_bfloat16(tiny_model: Path) -> None:
    """What layers add is not rounded to the weights' few digits; they are asked in them."""
    model = adapt(tiny_model, options(), Device("cpu", "", "bfloat16"))
    loss = make_loss(model, options(), Device("cpu", "", "bfloat16"))
    seen: list[torch.dtype] = []
    base: Any = model.get_base_model()
    for layer in base.model.layers:
        layer.register_forward_hook(
            lambda _layer, _arguments, out: seen.append((out if isinstance(out, torch.Tensor) else out[0]).dtype)
        )

    with torch.no_grad():
        loss(rows_with_common_start())

    assert isinstance(loss, PackedLoss)
    assert seen == [torch.float32] * len(base.model.layers)
    assert base.model.layers[0].mlp.up_proj.base_layer.weight.dtype == torch.bfloat16


def test_layers_that_read_one_input_are_computed_together(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Queries, keys and values; the gate and what it multiplies; alone the two that follow them."""
    model = adapt(tiny_model, options(), CPU)
    loss = make_loss(model, options(), CPU)
    together: list[int] = []
    forward = LoraFunction.forward

    def counted(
        ctx: Any, x: torch.Tensor, layers: Sequence[Frozen], *adapters: torch.Tensor
    ) -> tuple[torch.Tensor, ...]:
        together.append(len(layers))
        return forward(ctx, x, layers, *adapters)

    monkeypatch.setattr(LoraFunction, "forward", counted)

    loss(rows_with_common_start())

    base: Any = model.get_base_model()
    assert together == [3, 1, 2, 1] * len(base.model.layers)


def test_the_last_feed_forward_layer_is_computed_where_targets_are_predicted(tiny_model: Path) -> None:
    """Nothing reads what it would give at the other tokens; a token that two rows predict from is computed once."""
    model = adapt(tiny_model, options(), CPU)
    loss = make_loss(model, options(), CPU)
    base: Any = model.get_base_model()
    tokens: list[int] = []
    for layer in base.model.layers:
        layer.mlp.act_fn.register_forward_hook(lambda _module, _arguments, out: tokens.append(out.shape[1]))
    first, second = np.arange(5, 20, dtype=np.int32), np.arange(5, 26, dtype=np.int32)
    second[12:] += 20

    loss([TrainingRow(first, 12), TrainingRow(second, 12)])

    packed = 15 + 21 - 12
    targets = 3 + 9
    assert tokens == [packed] * (len(base.model.layers) - 1) + [targets - 1]


@pytest.mark.parametrize(("architecture", "in_a_layer"), [("llama", 2), ("qwen3", 4), ("gemma3", 6)])
def test_norms_are_one_function_each(
    architecture: str, in_a_layer: int, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also those of queries and keys, and those whose weights are kept less 1."""
    model = adapt(
        tiny_model if architecture == "llama" else save_model(architecture, tmp_path, tiny_model), options(), CPU
    )
    loss = make_loss(model, options(), CPU)
    calls: list[torch.Size] = []
    forward = RmsNormFunction.forward

    def counted(ctx: Any, x: torch.Tensor, weight: torch.Tensor, eps: float) -> torch.Tensor:
        calls.append(x.shape)
        return forward(ctx, x, weight, eps)

    monkeypatch.setattr(RmsNormFunction, "forward", counted)

    loss(rows_with_common_start())

    base: Any = model.get_base_model()
    assert len(calls) == in_a_layer * len(base.model.layers) + 1


def test_a_model_that_cannot_be_replaced_keeps_all_its_parts(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What fails on the way leaves nothing replaced: rows are padded, and computed."""
    model, rows = adapt(tiny_model, options(), CPU), rows_with_common_start()
    expected = PaddedLoss(model, CPU)(rows).item()

    def failing(*_arguments: Any) -> torch.Tensor:
        message = "no such norm"
        raise TypeError(message)

    monkeypatch.setattr(RmsNormFunction, "forward", failing)

    loss = make_loss(model, options(), CPU)

    assert isinstance(loss, PaddedLoss)
    assert "no such norm" in caplog.text
    assert loss(rows).item() == expected
