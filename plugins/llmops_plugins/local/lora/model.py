"""A base model with LoRA adapters: adding them, and merging them into the weights."""

from __future__ import annotations

import json
import os
import shutil
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import torch
from peft import LoraConfig, get_peft_model, get_peft_model_state_dict, set_peft_model_state_dict
from torch import Tensor

from llmops_plugins.local.device import Device
from llmops_plugins.local.options import LoraOptions
from llmops_plugins.local.weights.loading import load_model

if TYPE_CHECKING:
    from peft import PeftModel

_LLAMA_PROJECTIONS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
_EXPERT_COUNTS = ("num_experts", "num_local_experts", "n_routed_experts", "moe_num_experts")


def adapt(folder: Path, options: LoraOptions, device: Device) -> PeftModel:
    """Load a base model, frozen, in the device's dtype, with fresh adapters in float32.

    The adapters' initial values depend on `options.seed` alone; torch's own random state stays as it was.
    """
    base = load_model(folder, device.dtype)
    base.config.use_cache = False
    with torch.random.fork_rng(devices=[]):  # adapters are made on the CPU
        torch.manual_seed(options.seed)
        model = _add_adapters(base, options)
    return cast("PeftModel", model.to(device.torch_device))


def adapted_layers(model: PeftModel) -> str:
    """Return the names of the layers that have adapters, such as `k_proj, q_proj`."""
    return ", ".join(sorted({name.partition(".lora_")[0].rpartition(".")[2] for name in trainable(model)}))


def decoder(model: PeftModel) -> Any:
    """Return the module that computes the output layer's input."""
    base: Any = model.get_base_model()
    layers = base.get_decoder()
    return base.base_model if layers is base else layers  # transformers 4 returns some models themselves


def trainable(model: PeftModel) -> dict[str, torch.nn.Parameter]:
    """Return the adapters' parameters by name."""
    return {name: value for name, value in model.named_parameters() if value.requires_grad}


def adapter_state(model: PeftModel) -> dict[str, Tensor]:
    """Return the adapters' values, on the CPU."""
    return {name: value.detach().cpu() for name, value in get_peft_model_state_dict(model).items()}


def set_adapter_state(model: PeftModel, state: Mapping[str, Tensor]) -> None:
    """Set the adapters to values that `adapter_state` returned."""
    set_peft_model_state_dict(model, dict(state))


def save_merged(source: Path, adapters: Mapping[str, Tensor], options: LoraOptions, target: Path) -> None:
    """Add adapters to the base weights, in float32, and save the model with the base's own tokenizer files.

    Args:
        source: The base model's folder.
        adapters: As `adapter_state` returns them.
        options: Those the adapters were made with.
        target: The folder to write; it appears complete, by a rename.

    The configuration is the base's own: transformers 5 would write it in a form that 4 and other tools misread.
    """
    model = _add_adapters(load_model(source), options)
    set_adapter_state(model, adapters)
    merged: Any = model.merge_and_unload()
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    shutil.rmtree(part, ignore_errors=True)
    # The base's generation settings are copied below: transformers refuses to save some that it loads.
    merged.generation_config = type(merged.generation_config)()
    merged.save_pretrained(part)
    _copy_config(source, part)
    written = {path.name for path in part.iterdir()} - {"generation_config.json"}
    for file in source.iterdir():
        if _belongs_to_tokenizer(file) and file.name not in written:
            shutil.copyfile(file, part / file.name)
    shutil.rmtree(target, ignore_errors=True)
    part.replace(target)


def _add_adapters(base: Any, options: LoraOptions) -> PeftModel:
    config = LoraConfig(
        task_type="CAUSAL_LM",
        r=options.rank,
        lora_alpha=cast("int", options.alpha),
        lora_dropout=options.dropout,
        target_modules=_target_modules(base),
        # GPT-2 and similar models store their weights transposed
        fan_in_fan_out=any(type(module).__name__ == "Conv1D" for module in base.modules()),
    )
    with warnings.catch_warnings():
        # peft asks transformers 5 by the old name
        warnings.filterwarnings("ignore", ".*is_gradient_checkpointing", FutureWarning)
        return cast("PeftModel", get_peft_model(base, config))


def _target_modules(base: Any) -> list[str] | str:
    """Return the linear layers to adapt: all but the output layer, or in a mixture of experts those of the attention.

    An expert sees few tokens of a small dataset, and how its weights are stored differs between versions of transformers.
    """
    text = base.config.get_text_config()
    if any((getattr(text, name, None) or 0) > 1 for name in _EXPERT_COUNTS):
        linear = [name for name, module in base.named_modules() if isinstance(module, torch.nn.Linear)]
        return [name for name in linear if "attn" in name or "attention" in name] or "all-linear"
    names = {name.rpartition(".")[2] for name, _ in base.named_modules()}
    return list(_LLAMA_PROJECTIONS) if names.issuperset(_LLAMA_PROJECTIONS) else "all-linear"


def _copy_config(source: Path, target: Path) -> None:
    config = json.loads((source / "config.json").read_text(encoding="utf-8"))
    config |= {name: "float32" for name in ("dtype", "torch_dtype") if name in config}
    (target / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")


def _belongs_to_tokenizer(file: Path) -> bool:
    """Return whether a file of a model's folder belongs to its tokenizer or settings, not to its weights."""
    weights = file.suffix == ".safetensors" or file.name.endswith(".index.json")
    return file.suffix in (".json", ".model", ".txt", ".jinja") and not weights and file.name != "asset.json"
