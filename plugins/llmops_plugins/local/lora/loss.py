"""The loss that adapters are trained with, computed in the fastest way that is right for the model."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch
from torch import Tensor

from llmops_plugins.local.device import Device
from llmops_plugins.local.engine.attention import UnsupportedModelError
from llmops_plugins.local.engine.model import refusal, require_known_windows, require_plain_positions
from llmops_plugins.local.lora.packed import PackedLoss
from llmops_plugins.local.lora.padded import PaddedLoss
from llmops_plugins.local.lora.rows import TrainingRow
from llmops_plugins.local.options import LoraOptions

if TYPE_CHECKING:
    from peft import PeftModel

_log = logging.getLogger(__name__)

# Largest difference of logits between packed and plain computation, as a fraction of the largest logit.
_TOLERANCE = {"float32": 1e-3, "bfloat16": 5e-2}


class Loss(Protocol):
    """Computes the loss of rows.

    Attributes:
        method: How, in a few words.
    """

    method: str

    def __call__(self, rows: Sequence[TrainingRow]) -> Tensor:
        """Return the sum of the cross-entropies (nats) of all target tokens."""


def make_loss(model: PeftModel, options: LoraOptions, device: Device) -> Loss:
    """Return the loss of this model: packed on a CPU if that gives what padded batches do, else with padded batches."""
    padded = PaddedLoss(model, device)
    if device.kind != "cpu" or options.dropout:
        return padded
    base: Any = model.get_base_model()
    training = model.training
    model.eval()  # dropout of the base would make the two differ, and change the random state
    try:
        return _checked(model, padded, device)
    except Exception as exc:  # noqa: BLE001 - whatever fails in the model's own code
        _log.warning("rows are padded, not packed: %s", refusal(base, exc))
        return padded
    finally:
        model.train(training)


@torch.no_grad()
def _checked(model: PeftModel, padded: PaddedLoss, device: Device) -> PackedLoss:
    """Return the packed loss, whose logits of a few rows are those of the plain model.

    Raises:
        UnsupportedModelError: They are not, or they would not be for other rows.
    """
    base: Any = model.get_base_model()
    config = base.config.get_text_config()
    require_plain_positions(config)
    rows = _probes(config.vocab_size)
    with padded.autocast():
        expected = torch.cat([base(input_ids=_ids(row)).logits[0, row.targets.start - 1 : -1] for row in rows]).float()
    packed = PackedLoss(model, padded.autocast)
    try:
        _require_equal(packed.logits(rows).float(), expected, _TOLERANCE[device.dtype])
        require_known_windows(config, packed.windows)
        with torch.random.fork_rng(devices=[]):
            model.train()
            packed.logits(rows)  # attention that drops at random is refused
    except Exception:
        packed.restore()
        raise
    return packed


def _require_equal(actual: Tensor, expected: Tensor, tolerance: float) -> None:
    difference = float((actual - expected).abs().max() / expected.abs().max())
    if not difference < tolerance:
        message = f"logits that differ by {difference:.1g}"
        raise UnsupportedModelError(message)


def _ids(row: TrainingRow) -> Tensor:
    return torch.from_numpy(row.ids.astype("int64"))[None]


def _probes(vocabulary: int) -> list[TrainingRow]:
    """Return rows of different lengths that start alike."""
    ids = np.array([number * number % vocabulary for number in range(5, 45)], np.int32)
    other = np.concatenate((ids[:8], ids[20:]))
    return [TrainingRow(ids, 12), TrainingRow(other, 9), TrainingRow(ids[:14], 3)]
