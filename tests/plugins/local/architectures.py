"""Small models of other architectures than the tiny Llama, with random weights and its tokenizer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

_SIZES = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 512,
    "bos_token_id": None,
    "eos_token_id": None,
    "pad_token_id": None,
}


def save_model(architecture: str, folder: Path, tokenizer: Path) -> Path:
    """Save a model of `ARCHITECTURES`, with weights wide enough for different texts to get different tokens."""
    import torch
    from transformers import AutoTokenizer

    loaded = AutoTokenizer.from_pretrained(tokenizer)
    loaded.save_pretrained(folder)
    torch.manual_seed(1)
    model = ARCHITECTURES[architecture](len(loaded))
    for weight in model.parameters():
        torch.nn.init.normal_(weight, std=0.2)
    model.generation_config.eos_token_id = loaded.eos_token_id
    model.save_pretrained(folder)
    return folder


def _qwen3(vocabulary: int) -> Any:
    from transformers import Qwen3Config, Qwen3ForCausalLM

    return Qwen3ForCausalLM(Qwen3Config(vocab_size=vocabulary, **_SIZES, head_dim=8))


def _qwen3_moe(vocabulary: int) -> Any:
    from transformers import Qwen3MoeConfig, Qwen3MoeForCausalLM

    experts = {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 32}
    return Qwen3MoeForCausalLM(Qwen3MoeConfig(vocab_size=vocabulary, **_SIZES, head_dim=8, **experts))


def _gemma2(vocabulary: int) -> Any:
    from transformers import Gemma2Config, Gemma2ForCausalLM

    return Gemma2ForCausalLM(Gemma2Config(vocab_size=vocabulary, **_SIZES, head_dim=8, sliding_window=12))


def _gemma3(vocabulary: int) -> Any:
    """Layers with and without a window, each kind with rotations of its own."""
    from transformers import Gemma3ForCausalLM, Gemma3TextConfig

    layers = ["sliding_attention", "full_attention"]
    return Gemma3ForCausalLM(
        Gemma3TextConfig(vocab_size=vocabulary, **_SIZES, head_dim=8, sliding_window=12, layer_types=layers)
    )


def _mistral(vocabulary: int) -> Any:
    from transformers import MistralConfig, MistralForCausalLM

    return MistralForCausalLM(MistralConfig(vocab_size=vocabulary, **_SIZES, sliding_window=12))


def _mixtral(vocabulary: int) -> Any:
    from transformers import MixtralConfig, MixtralForCausalLM

    return MixtralForCausalLM(
        MixtralConfig(vocab_size=vocabulary, **_SIZES, num_local_experts=4, num_experts_per_tok=2)
    )


def _gpt2(vocabulary: int) -> Any:
    from transformers import GPT2Config, GPT2LMHeadModel

    return GPT2LMHeadModel(
        GPT2Config(vocab_size=vocabulary, n_embd=32, n_layer=2, n_head=4, n_positions=512, eos_token_id=None)
    )


def _bloom(vocabulary: int) -> Any:
    from transformers import BloomConfig, BloomForCausalLM

    return BloomForCausalLM(BloomConfig(vocab_size=vocabulary, hidden_size=32, n_layer=2, n_head=4, eos_token_id=None))


ARCHITECTURES: dict[str, Callable[[int], Any]] = {
    "qwen3": _qwen3,
    "qwen3-moe": _qwen3_moe,
    "gemma2": _gemma2,
    "gemma3": _gemma3,
    "mistral": _mistral,
    "mixtral": _mixtral,
    "gpt2": _gpt2,
    "bloom": _bloom,
}
