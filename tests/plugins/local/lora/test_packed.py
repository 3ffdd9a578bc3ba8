from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("peft")

import torch

from llmops_plugins.local.device import Device
from llmops_plugins.local.lora.loss import make_loss
from llmops_plugins.local.lora.model import adapt
from llmops_plugins.local.lora.packed import PackedLoss

from .example import options, rows_with_common_start


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
