"""Loads a model and its tokenizer from a folder in Hugging Face format."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llmops_sdk.plugin import AssetError

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


def load_model(folder: Path, dtype: str = "float32") -> PreTrainedModel:
    """Load a causal language model onto the CPU, in evaluation mode. Runs no code from the folder, unpickles nothing.

    Args:
        folder: Weights in Hugging Face format.
        dtype: `float32` or `bfloat16`.

    Raises:
        AssetError: transformers cannot read it; the message has its reason.
    """
    import torch
    from transformers import AutoModelForCausalLM

    torch_dtype: torch.dtype = getattr(torch, dtype)
    try:
        model = AutoModelForCausalLM.from_pretrained(
            folder, local_files_only=True, use_safetensors=True, trust_remote_code=False, **_dtype_argument(torch_dtype)
        )
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        message = f"the model in '{folder}' cannot be loaded: {_first_line(error)}"
        raise AssetError(message) from error
    loaded: PreTrainedModel = model.eval()
    return loaded


def load_tokenizer(folder: Path) -> PreTrainedTokenizerBase:
    """Load a tokenizer that pads on the left, with a padding token even if its files name none.

    Raises:
        AssetError: transformers cannot read it; the message has its reason.
    """
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False, padding_side="left"
        )
    except Exception as error:
        message = f"the tokenizer in '{folder}' cannot be loaded: {_first_line(error)}"
        raise AssetError(message) from error
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    loaded: PreTrainedTokenizerBase = tokenizer
    return loaded


def context_length(folder: Path) -> int | None:
    """Return the most tokens a model can process at once, or None if its configuration does not name them."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    length = config.get("max_position_embeddings") or config.get("n_positions")
    return length if isinstance(length, int) else None


def _dtype_argument(dtype: torch.dtype) -> dict[str, Any]:
    """Return the dtype under the name that this transformers knows: 4.56 renamed it and warns about the old one."""
    from transformers import __version__

    major, minor = (int(part) for part in __version__.split(".")[:2])
    return {"dtype" if (major, minor) >= (4, 56) else "torch_dtype": dtype}


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
