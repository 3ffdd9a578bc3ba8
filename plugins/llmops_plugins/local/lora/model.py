"""A base model with LoRA adapters: putting them on, the loss they are trained with, and merging them for good."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from peft import LoraConfig, get_peft_model, get_peft_model_state_dict, set_peft_model_state_dict
from torch import Tensor

from llmops_plugins.local.device import Device
from llmops_plugins.local.lora.llama import PackedLlama, fits
from llmops_plugins.local.lora.rows import Row
from llmops_plugins.local.options import LoraOptions
from llmops_plugins.local.weights.locate import load_model

if TYPE_CHECKING:
    from peft import PeftModel

Loss = Callable[[Sequence[Row]], Tensor]
"""Gives the summed cross-entropy (nats) of the target tokens of some rows."""

_LLAMA_PROJECTIONS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
_IGNORED = -100
_PROBED_TOKENS = 24


def adapt(folder: Path, options: LoraOptions, device: Device) -> PeftModel:
    """Load a base model, frozen, in the device's dtype, with fresh adapters in float32.

    The adapters' first values depend on `options.seed` alone; torch's own random state is left as it was.
    """
    base = load_model(folder, device.dtype)
    base.config.use_cache = False
    with torch.random.fork_rng(devices=[]):  # they are made on the CPU
        torch.manual_seed(options.seed)
        model = get_peft_model(base, _lora_config(base, options))
    return cast("PeftModel", model.to(device.torch_device))


def make_loss(model: PeftModel, options: LoraOptions, device: Device) -> Loss:
    """Return how the loss of this model is computed here: packed for Llama on a CPU, else with padded batches."""
    if fits(cast("Any", model.get_base_model()), device=device.kind, dropout=options.dropout):
        return PackedLlama(model)
    return PaddedLoss(model, device)


class PaddedLoss:
    """Computes the loss of any causal language model through transformers, from rows padded to the longest.

    Logits are taken at the targets only, where a first look shows that the model has nothing behind its output layer
    (some scale or cap their logits).
    """

    def __init__(self, model: PeftModel, device: Device) -> None:
        self._model = model
        self._device = device
        self._base: Any = model.get_base_model()
        self._plain_head: bool | None = None

    def __call__(self, rows: Sequence[Row]) -> Tensor:
        """Return the sum of the cross-entropies (nats) of all target tokens."""
        ids, mask, labels = (part.to(self._device.torch_device) for part in _pad(rows))
        with self._autocast():
            if self._plain_head is None:
                self._plain_head = self._has_plain_head(ids[:1, :_PROBED_TOKENS])
            wanted = labels[:, 1:] != _IGNORED
            same_length = bool(mask.all())
            arguments = {"input_ids": ids, "attention_mask": None if same_length else mask, "use_cache": False}
            if self._plain_head:
                hidden = self._base.get_decoder()(**arguments).last_hidden_state
                logits = self._base.get_output_embeddings()(hidden[:, :-1][wanted])
            else:
                logits = self._model(**arguments).logits[:, :-1][wanted]
        return F.cross_entropy(logits.float(), labels[:, 1:][wanted], reduction="sum")

    def _has_plain_head(self, ids: Tensor) -> bool:
        training = self._model.training
        self._model.eval()  # dropout would make two looks differ, and move the random state
        try:
            with torch.no_grad():
                hidden = self._base.get_decoder()(input_ids=ids, use_cache=False).last_hidden_state
                expected = self._base(input_ids=ids, use_cache=False).logits
                found = self._base.get_output_embeddings()(hidden)
        except (AttributeError, TypeError):
            return False
        finally:
            self._model.train(training)
        return found.shape == expected.shape and torch.allclose(found.float(), expected.float(), rtol=1e-3, atol=1e-3)

    def _autocast(self) -> Any:
        if self._device.dtype == "float32":
            return nullcontext()
        return torch.autocast(self._device.kind, self._device.torch_dtype)


def trainable(model: PeftModel) -> dict[str, torch.nn.Parameter]:
    """Return the adapters' parameters by name."""
    return {name: value for name, value in model.named_parameters() if value.requires_grad}


def adapter_state(model: PeftModel) -> dict[str, Tensor]:
    """Return the adapters' values, on the CPU."""
    return {name: value.detach().cpu() for name, value in get_peft_model_state_dict(model).items()}


def set_adapter_state(model: PeftModel, state: Mapping[str, Tensor]) -> None:
    """Put values that `adapter_state` gave back into the adapters."""
    set_peft_model_state_dict(model, dict(state))


def save_merged(source: Path, adapters: Mapping[str, Tensor], options: LoraOptions, target: Path) -> None:
    """Add adapters to the base weights, in float32, and save the model with the base's own tokenizer files.

    Args:
        source: The base model's folder.
        adapters: As `adapter_state` gives them.
        options: Those that the adapters were made with.
        target: The folder to write; it appears complete, by a rename.
    """
    base = load_model(source)
    model = get_peft_model(base, _lora_config(base, options))
    set_adapter_state(model, adapters)
    merged: Any = model.merge_and_unload()
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    shutil.rmtree(part, ignore_errors=True)
    # The base's generation settings are copied below: transformers refuses to save some that it accepts to load.
    merged.generation_config = type(merged.generation_config)()
    merged.save_pretrained(part, safe_serialization=True)
    written = {path.name for path in part.iterdir()} - {"generation_config.json"}
    for file in source.iterdir():
        if _belongs_to_tokenizer(file) and file.name not in written:
            shutil.copyfile(file, part / file.name)
    shutil.rmtree(target, ignore_errors=True)
    part.replace(target)


def _lora_config(base: Any, options: LoraOptions) -> LoraConfig:
    names = {name.rpartition(".")[2] for name, _ in base.named_modules()}
    llama_like = names.issuperset(_LLAMA_PROJECTIONS)
    return LoraConfig(
        task_type="CAUSAL_LM",
        r=options.rank,
        lora_alpha=cast("int", options.alpha),
        lora_dropout=options.dropout,
        target_modules=list(_LLAMA_PROJECTIONS) if llama_like else "all-linear",
        # GPT-2 and its kin keep their weights the other way round
        fan_in_fan_out=any(type(module).__name__ == "Conv1D" for module in base.modules()),
    )


def _belongs_to_tokenizer(file: Path) -> bool:
    """Tell the small files of a model's folder that the weights do not decide."""
    weights = file.suffix == ".safetensors" or file.name.endswith(".index.json")
    return file.suffix in (".json", ".model", ".txt", ".jinja") and not weights and file.name != "asset.json"


def _pad(rows: Sequence[Row]) -> tuple[Tensor, Tensor, Tensor]:
    """Return ids, attention mask and labels, [rows, longest], padded on the right; only targets have a label."""
    shape = len(rows), max(len(row.ids) for row in rows)
    ids = torch.zeros(shape, dtype=torch.long)
    mask = torch.zeros(shape, dtype=torch.long)
    labels = torch.full(shape, _IGNORED)
    for place, row in enumerate(rows):
        length = len(row.ids)
        ids[place, :length] = torch.from_numpy(row.ids.astype("int64"))
        mask[place, :length] = 1
        labels[place, row.targets.start : length] = ids[place, row.targets.start : length]
    return ids, mask, labels
