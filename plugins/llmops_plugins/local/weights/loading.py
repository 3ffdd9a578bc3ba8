"""Loads a model and its tokenizer from a folder in Hugging Face format."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
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
        _check_rotations(folder)
        check_weights(folder)
        with _without_progress_bars():
            model = AutoModelForCausalLM.from_pretrained(
                folder, local_files_only=True, use_safetensors=True, trust_remote_code=False, dtype=torch_dtype
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
    config = _read_config(folder)
    length = config.get("max_position_embeddings") or config.get("n_positions")
    return length if isinstance(length, int) else None


def _check_rotations(folder: Path) -> None:
    """Refuse what transformers 4 would load with other rotations than the model was trained with, and not report.

    transformers 5 saves the base of the rotations in a place that 4 does not read.

    Raises:
        AssetError: transformers 5 saved the configuration, and this is an older one.
    """
    from transformers import __version__

    config = _read_config(folder)
    if "rope_parameters" in config and "rope_theta" not in config and __version__.startswith("4."):
        message = (
            f"the model in '{folder}' was saved by transformers 5, and transformers {__version__} cannot read its "
            "'rope_parameters': pip install 'transformers>=5'"
        )
        raise AssetError(message)


def check_weights(folder: Path) -> None:
    """Refuse weights that are not floats, by the configuration; loads no library.

    Raises:
        AssetError: The configuration names a quantization.
    """
    config = _read_config(folder)
    quantization = config.get("quantization_config") or config.get("compression_config")
    if quantization:
        method = quantization.get("quant_method", "see its config.json")
        message = (
            f"the model in '{folder}' is quantized ({method}), and only float weights can be loaded here: use the weights "
            "that it was made from, or serve it with another program (deployer 'served')"
        )
        raise AssetError(message)


def count_parameters(folder: Path) -> int:
    """Return the number of weights in a model's files; only their headers are read."""
    count = 0
    for path in folder.glob("*.safetensors"):
        with path.open("rb") as file:
            header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        count += sum(math.prod(tensor["shape"]) for name, tensor in header.items() if name != "__metadata__")
    return count


def _read_config(folder: Path) -> dict[str, Any]:
    """Return a model's configuration; that of the language model replaces what it has of its own."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    return {**config, **(config.get("text_config") or {})}


@contextmanager
def _without_progress_bars() -> Iterator[None]:
    """Keep the bars of transformers 5 out of the step's log; loading from a disk is quick."""
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
