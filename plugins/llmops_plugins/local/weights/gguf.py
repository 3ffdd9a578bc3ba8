"""Converts GGUF to Hugging Face format, for Llama architectures with a byte-level BPE tokenizer.

transformers reads GGUF weights correctly, but not this tokenizer: it takes the first token for the end of text, puts it
before every prompt, and does not split numbers into digits. So both are rebuilt here from the file's metadata. The
settings are written in the form that transformers 4 and 5 both read: 4 ignores where 5 saves the base of the rotations.

Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llmops_sdk.plugin import AssetError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from gguf import GGUFReader
    from tokenizers import Tokenizer

    Array = npt.NDArray[np.float32]

_CONTROL_TOKEN = 3

# llama.cpp's name of the pre-tokenizer -> whether it makes every digit a token of its own.
_PRE_TOKENIZERS = {"smollm": True, "gpt-2": False, "default": False}

_LAYER = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
_TOP = {
    "token_embd.weight": "model.embed_tokens.weight",
    "output_norm.weight": "model.norm.weight",
    "output.weight": "lm_head.weight",
}


def convert_gguf(source: Path, folder: Path) -> None:
    """Write a GGUF model as a float32 Hugging Face folder: configuration, weights, tokenizer with its chat template.

    Raises:
        AssetError: The file is not GGUF, or its architecture or tokenizer is not supported.
    """
    from gguf import GGUFReader
    from safetensors.numpy import save_file

    try:
        reader = GGUFReader(source)
        metadata = _read_metadata(reader)
    except (OSError, ValueError, IndexError) as error:
        message = f"'{source}' cannot be read as GGUF: {error}"
        raise AssetError(message) from error
    if metadata.get("general.architecture") != "llama":
        message = f"'{source}' has architecture {metadata.get('general.architecture')!r}; only 'llama' is supported"
        raise AssetError(message)
    tensors = _tensors(reader, metadata)
    tokenizer = _tokenizer(metadata)
    special = _special_tokens(metadata)
    ids = {f"{name}_token_id": number for name, number in special.items() if name != "unk"}
    folder.mkdir(parents=True, exist_ok=True)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    tokenizer.save(str(folder / "tokenizer.json"))
    _write(folder / "config.json", {**_config(metadata, tied="lm_head.weight" not in tensors), **ids})
    _write(folder / "tokenizer_config.json", _tokenizer_config(metadata, special))
    _write(folder / "generation_config.json", ids)


def _write(path: Path, settings: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(settings, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _tokenizer(metadata: Mapping[str, Any]) -> Tokenizer:
    """Rebuild a byte-level BPE tokenizer, which adds no token of its own to a text.

    Raises:
        AssetError: It is not byte-level BPE, or its pre-tokenizer is not supported.
    """
    from tokenizers import (
        AddedToken,
        Tokenizer,
        decoders,
        models,
        pre_tokenizers,
    )

    kind, pre = metadata.get("tokenizer.ggml.model"), metadata.get("tokenizer.ggml.pre", "default")
    if kind != "gpt2" or pre not in _PRE_TOKENIZERS:
        supported = ", ".join(_PRE_TOKENIZERS)
        message = (
            f"the GGUF tokenizer {kind!r} with pre-tokenizer {pre!r} is not supported; supported: gpt2 with {supported}"
        )
        raise AssetError(message)
    texts: list[str] = metadata["tokenizer.ggml.tokens"]
    kinds: list[int] = metadata["tokenizer.ggml.token_type"]
    merges = [tuple(merge.split(" ")) for merge in metadata["tokenizer.ggml.merges"]]
    tokenizer = Tokenizer(models.BPE({text: number for number, text in enumerate(texts)}, merges))
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    digits = [pre_tokenizers.Digits(individual_digits=True)] if _PRE_TOKENIZERS[pre] else []
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([*digits, byte_level])
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(
        [
            AddedToken(text, normalized=False, special=True)
            for text, token in zip(texts, kinds, strict=True)
            if token == _CONTROL_TOKEN
        ]
    )
    return tokenizer


def _tokenizer_config(metadata: Mapping[str, Any], special: Mapping[str, int]) -> dict[str, Any]:
    texts: list[str] = metadata["tokenizer.ggml.tokens"]
    template = metadata.get("tokenizer.chat_template")
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": metadata["llama.context_length"],
        "padding_side": "left",
        "clean_up_tokenization_spaces": False,
        **{f"{name}_token": texts[number] for name, number in special.items()},
        **({"chat_template": template} if template else {}),
    }


def _special_tokens(metadata: Mapping[str, Any]) -> dict[str, int]:
    """Return the tokens with a role: its name in transformers -> the token's number."""
    roles = {
        "bos": metadata.get("tokenizer.ggml.bos_token_id"),
        "eos": metadata["tokenizer.ggml.eos_token_id"],
        "unk": metadata.get("tokenizer.ggml.unknown_token_id"),
        "pad": metadata.get("tokenizer.ggml.padding_token_id", metadata["tokenizer.ggml.eos_token_id"]),
    }
    return {name: number for name, number in roles.items() if number is not None}


def _read_metadata(reader: GGUFReader) -> dict[str, Any]:
    """Return the file's key-value pairs as plain values."""
    from gguf import GGUFValueType

    def plain(kind: GGUFValueType, part: Any) -> Any:
        return bytes(part).decode() if kind == GGUFValueType.STRING else part[0].item()

    metadata: dict[str, Any] = {}
    for name, field in reader.fields.items():
        values = [plain(field.types[-1], field.parts[place]) for place in field.data]
        metadata[name] = values if field.types[0] == GGUFValueType.ARRAY else values[0]
    return metadata


def _config(metadata: Mapping[str, Any], *, tied: bool) -> dict[str, Any]:
    heads = metadata["llama.attention.head_count"]
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": len(metadata["tokenizer.ggml.tokens"]),
        "hidden_size": metadata["llama.embedding_length"],
        "intermediate_size": metadata["llama.feed_forward_length"],
        "num_hidden_layers": metadata["llama.block_count"],
        "num_attention_heads": heads,
        "num_key_value_heads": metadata.get("llama.attention.head_count_kv", heads),
        "hidden_act": "silu",
        "max_position_embeddings": metadata["llama.context_length"],
        "rms_norm_eps": float(f"{metadata['llama.attention.layer_norm_rms_epsilon']:.6g}"),  # a float32 of 1e-05
        "rope_theta": metadata.get("llama.rope.freq_base", 10000.0),
        "tie_word_embeddings": tied,
        "torch_dtype": "float32",
    }


def _tensors(reader: GGUFReader, metadata: Mapping[str, Any]) -> dict[str, Array]:
    """Return the weights in float32 under Hugging Face's names."""
    import numpy as np
    from gguf import dequantize

    heads = metadata["llama.attention.head_count"]
    rotated = {"attn_q": heads, "attn_k": metadata.get("llama.attention.head_count_kv", heads)}
    tensors: dict[str, Array] = {}
    for tensor in reader.tensors:
        values: Array = dequantize(tensor.data, tensor.tensor_type).astype(np.float32, copy=False)
        if tensor.name in _TOP:
            tensors[_TOP[tensor.name]] = values
            continue
        _, layer, part, _ = tensor.name.split(".")
        if part in rotated:
            values = _unpermute(values, rotated[part])
        tensors[f"model.layers.{layer}.{_LAYER[part]}.weight"] = np.ascontiguousarray(values)
    return tensors


def _unpermute(weight: Array, heads: int) -> Array:
    """Undo llama.cpp's order of a head's rows: it rotates neighbours, Hugging Face rotates rows half a head apart."""
    rows, columns = weight.shape
    pairs: Array = weight.reshape(heads, rows // heads // 2, 2, columns)
    swapped: Array = pairs.swapaxes(1, 2).reshape(rows, columns)
    return swapped
