"""The LoRA loss of rows that are padded to the longest, through transformers: right for every model and device."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor

from llmops_plugins.local.device import Device
from llmops_plugins.local.lora.model import decoder
from llmops_plugins.local.lora.rows import TrainingRow

if TYPE_CHECKING:
    from peft import PeftModel

_IGNORED = -100
_PROBED_TOKENS = 24


class PaddedLoss:
    """Computes the loss of any causal language model through transformers, from rows padded to the longest.

    Logits are computed at the targets only, if a first comparison shows that the model's logits are those of its output
    layer (some models scale or cap them).
    """

    method = "padded batches through transformers"

    def __init__(self, model: PeftModel, device: Device) -> None:
        self._model = model
        self._device = device
        self._base: Any = model.get_base_model()
        self._decoder = decoder(model)
        self._plain_head: bool | None = None

    def __call__(self, rows: Sequence[TrainingRow]) -> Tensor:
        """See `Loss.__call__`."""
        ids, mask, labels = (part.to(self._device.torch_device) for part in _pad(rows))
        with self.autocast():
            if self._plain_head is None:
                self._plain_head = self._has_plain_head(ids[:1, :_PROBED_TOKENS])
            is_target = labels[:, 1:] != _IGNORED
            same_length = bool(mask.all())
            arguments = {"input_ids": ids, "attention_mask": None if same_length else mask, "use_cache": False}
            if self._plain_head:
                hidden = self._decoder(**arguments).last_hidden_state
                logits = self._base.get_output_embeddings()(hidden[:, :-1][is_target])
            else:
                logits = self._model(**arguments).logits[:, :-1][is_target]
        return F.cross_entropy(logits.float(), labels[:, 1:][is_target], reduction="sum")

    def _has_plain_head(self, ids: Tensor) -> bool:
        training = self._model.training
        self._model.eval()  # dropout would make the two results differ, and change the random state
        try:
            with torch.no_grad():
                hidden = self._decoder(input_ids=ids, use_cache=False).last_hidden_state
                expected = self._base(input_ids=ids, use_cache=False).logits
                actual = self._base.get_output_embeddings()(hidden)
        except (AttributeError, TypeError):
            return False
        finally:
            self._model.train(training)
        return actual.shape == expected.shape and torch.allclose(actual.float(), expected.float(), rtol=1e-3, atol=1e-3)

    def autocast(self) -> Any:
        if self._device.dtype == "float32":
            return nullcontext()
        return torch.autocast(self._device.kind, self._device.torch_dtype)


def _pad(rows: Sequence[TrainingRow]) -> tuple[Tensor, Tensor, Tensor]:
    """Return ids, attention mask and labels, [rows, longest], padded on the right; only targets have a label."""
    shape = len(rows), max(len(row.ids) for row in rows)
    ids = torch.zeros(shape, dtype=torch.long)
    mask = torch.zeros(shape, dtype=torch.long)
    labels = torch.full(shape, _IGNORED)
    for number, row in enumerate(rows):
        length = len(row.ids)
        ids[number, :length] = torch.from_numpy(row.ids.astype("int64"))
        mask[number, :length] = 1
        labels[number, row.targets.start : length] = ids[number, row.targets.start : length]
    return ids, mask, labels
