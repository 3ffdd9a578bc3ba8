from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("peft")

import torch

from llmops_plugins.local.lora.llama import PackedLlama
from llmops_plugins.local.lora.model import (
    PaddedLoss,
    make_loss,
    trainable,
)
from llmops_plugins.local.lora.rows import TrainingRow

from .example import (
    CPU,
    example_rows,
    options,
    perturbed,
    rows_with_common_start,
)


def loss_and_gradients(
    loss: Callable[[Sequence[TrainingRow]], torch.Tensor], model: Any, rows: Sequence[TrainingRow]
) -> tuple[float, dict[str, torch.Tensor]]:
    model.zero_grad()
    value: Any = loss(rows)
    value.backward()
    parameters: dict[str, Any] = dict(trainable(model))
    return value.item(), {name: parameter.grad.clone() for name, parameter in parameters.items()}


@pytest.mark.parametrize("rows", [example_rows(), rows_with_common_start(), example_rows()[:1]])
def test_the_losses_are_those_of_transformers(tiny_model: Path, rows: list[TrainingRow]) -> None:
    """The packed and the padded loss, and all their gradients, are those of transformers for each row alone."""
    chosen = options()
    model = perturbed(tiny_model, chosen)

    def one_by_one(rows: Sequence[TrainingRow]) -> torch.Tensor:
        total = torch.zeros(())
        for row in rows:
            ids = torch.from_numpy(row.ids.astype("int64"))[None]
            labels = ids.clone()
            labels[:, : row.prompt] = -100
            total = total + model(input_ids=ids, labels=labels).loss * len(row.targets)
        return total

    expected, gradients = loss_and_gradients(one_by_one, model, rows)
    for loss in (PaddedLoss(model, CPU), make_loss(model, chosen, CPU)):
        value, value_gradients = loss_and_gradients(loss, model, rows)
        assert value == pytest.approx(expected, rel=1e-5)
        for name, gradient in gradients.items():
            torch.testing.assert_close(value_gradients[name], gradient, rtol=2e-3, atol=2e-5)
    assert isinstance(loss, PackedLlama)
