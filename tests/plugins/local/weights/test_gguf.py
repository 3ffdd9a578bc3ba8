"""On a GGUF file that is written here and, if it was downloaded, on SmolLM2's."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from llmops_plugins.local.weights.gguf import convert_gguf
from llmops_plugins.local.weights.loading import load_model, load_tokenizer
from llmops_sdk import AssetError

gguf = pytest.importorskip("gguf")
torch = pytest.importorskip("torch")


def permuted(weight: Any, heads: int) -> Any:
    """Order the rows of a projection as llama.cpp does: the rows of a head's two halves alternate."""
    rows, columns = weight.shape
    return weight.reshape(heads, 2, rows // heads // 2, columns).swapaxes(1, 2).reshape(rows, columns)


def write_gguf(path: Path, model: Path, *, architecture: str = "llama", pre_tokenizer: str = "gpt-2") -> None:
    """Write a Hugging Face folder as GGUF, float32."""
    config = json.loads((model / "config.json").read_text())
    tokenizer = json.loads((model / "tokenizer.json").read_text())
    vocabulary = sorted(tokenizer["model"]["vocab"], key=tokenizer["model"]["vocab"].get)
    special = {token["content"] for token in tokenizer["added_tokens"]}
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_rope_freq_base(
        config["rope_theta"] if "rope_theta" in config else config["rope_parameters"]["rope_theta"]
    )
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(pre_tokenizer)
    writer.add_token_list(vocabulary)
    writer.add_token_types([3 if token in special else 1 for token in vocabulary])
    writer.add_token_merges([" ".join(merge) for merge in tokenizer["model"]["merges"]])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_chat_template(load_tokenizer(model).chat_template)
    for name, tensor in load_model(model).state_dict().items():
        add_tensor(writer, name, tensor.numpy(), config)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def add_tensor(writer: Any, name: str, values: Any, config: dict[str, Any]) -> None:
    top = {"model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight"}
    parts = {
        "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm", "self_attn.q_proj": "attn_q",
        "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output",
        "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
    }  # fmt: skip
    if name == "lm_head.weight":  # tied
        return
    if name in top:
        writer.add_tensor(top[name], values)
        return
    _, _, layer, part = name.removesuffix(".weight").split(".", 3)
    if part == "self_attn.q_proj":
        values = permuted(values, config["num_attention_heads"])
    if part == "self_attn.k_proj":
        values = permuted(values, config["num_key_value_heads"])
    writer.add_tensor(f"blk.{layer}.{parts[part]}.weight", values)


@pytest.fixture(scope="module")
def converted(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("converted")
    write_gguf(folder / "model.gguf", tiny_model)
    convert_gguf(folder / "model.gguf", folder)
    return folder


def test_the_logits_are_the_same(converted: Path, tiny_model: Path) -> None:
    """A model that is converted to GGUF and back gives the same logits bit by bit."""
    ids = torch.arange(3, 50)[None]
    with torch.no_grad():
        expected, actual = load_model(tiny_model)(ids).logits, load_model(converted)(ids).logits
    assert torch.equal(expected, actual)
    assert load_model(converted).config.tie_word_embeddings


def test_the_settings_are_those_that_every_transformers_reads(converted: Path) -> None:
    """5 would write others, and 4 would then use other rotations, or find no tokenizer."""
    config = json.loads((converted / "config.json").read_text())
    assert (config["rope_theta"], config["torch_dtype"]) == (20_000.0, "float32")
    tokenizer = json.loads((converted / "tokenizer_config.json").read_text())
    assert tokenizer["tokenizer_class"] == "PreTrainedTokenizerFast"


def test_the_tokens_are_the_same(converted: Path, tiny_model: Path, sample_texts: list[str]) -> None:
    """Real texts get the same ids, which decode to the same texts."""
    original, tokenizer = load_tokenizer(tiny_model), load_tokenizer(converted)
    for text in [*sample_texts, "<|im_start|>user\nÜber 12 naïve  cafés\t😀\n<|im_end|>", " leading", ""]:
        ids = tokenizer(text)["input_ids"]
        assert ids == original(text)["input_ids"]
        assert tokenizer.decode(ids) == text


def test_special_tokens_are_those_of_the_file(converted: Path) -> None:
    """No token is added to a text; padding is on the left."""
    tokenizer = load_tokenizer(converted)

    assert (tokenizer.bos_token, tokenizer.eos_token, tokenizer.pad_token) == (
        "<|im_start|>",
        "<|im_end|>",
        "<|im_end|>",
    )
    assert tokenizer.padding_side == "left"
    assert tokenizer("<|im_end|>")["input_ids"] == [2]
    padded = tokenizer(["a", "a longer text"], padding=True)
    assert padded["input_ids"][0][0] == 2
    assert padded["attention_mask"][0][0] == 0
    assert tokenizer.decode(tokenizer("hello<|im_end|>")["input_ids"], skip_special_tokens=True) == "hello"
    generation = json.loads((converted / "generation_config.json").read_text())
    assert generation == {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 2}


def test_chat_template_is_kept(converted: Path) -> None:
    """The tokenizer has the chat template of the file."""
    text = load_tokenizer(converted).apply_chat_template(
        [{"role": "user", "content": "hello"}], add_generation_prompt=True, tokenize=False
    )
    assert text == "<|im_start|>user\nhello<|im_end|>\n<|im_start|>assistant\n"


def test_smollms_pre_tokenizer_separates_digits(tiny_model: Path, tmp_path: Path) -> None:
    """Every digit is a token of its own."""
    write_gguf(tmp_path / "model.gguf", tiny_model, pre_tokenizer="smollm")
    convert_gguf(tmp_path / "model.gguf", tmp_path)
    tokenizer = load_tokenizer(tmp_path)

    tokens = tokenizer.convert_ids_to_tokens(tokenizer("In 1889 and 12.50")["input_ids"])
    assert [token for token in tokens if any(character.isdigit() for character in token)] == list("18891250")


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ({"architecture": "gemma"}, "architecture 'gemma'"),
        ({"pre_tokenizer": "qwen2"}, "pre-tokenizer 'qwen2' is not supported"),
    ],
)
def test_what_is_not_supported_is_refused(
    tiny_model: Path, tmp_path: Path, chosen: dict[str, str], message: str
) -> None:
    """Nothing is written."""
    write_gguf(tmp_path / "model.gguf", tiny_model, **chosen)
    with pytest.raises(AssetError, match=message):
        convert_gguf(tmp_path / "model.gguf", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_file_of_another_format_is_named(tmp_path: Path) -> None:
    """The error names the file."""
    (tmp_path / "model.gguf").write_bytes(b"<html>not found</html>" * 100)
    with pytest.raises(AssetError, match=r"model\.gguf' cannot be read as GGUF"):
        convert_gguf(tmp_path / "model.gguf", tmp_path)


@pytest.mark.slow
def test_the_tokenizer_of_smollm2(sample_texts: list[str], asset: Callable[[str], Path]) -> None:
    """SmolLM2's own tokenizer: known ids (llama.cpp gives the same), digits, and the end of text."""
    tokenizer = load_tokenizer(asset("smollm2-135m-instruct"))

    assert tokenizer("In 1234, hello <|im_end|>")["input_ids"] == [788, 216, 33, 34, 35, 36, 28, 33662, 216, 2]
    assert (tokenizer.eos_token_id, tokenizer.pad_token_id) == (2, 2)
    for text in sample_texts:
        assert tokenizer.decode(tokenizer(text)["input_ids"]) == text


@pytest.mark.slow
def test_smollm2_answers_a_question(asset: Callable[[str], Path]) -> None:
    """In its chat format it answers with a sentence, and ends on its own."""
    folder = asset("smollm2-135m-instruct")
    tokenizer, model = load_tokenizer(folder), load_model(folder)
    prompt = tokenizer.apply_chat_template(
        [{"role": "user", "content": "What is the capital of France?"}], add_generation_prompt=True, return_dict=False
    )
    output = model.generate(torch.tensor([prompt]), max_new_tokens=24, do_sample=False, pad_token_id=2)
    answer = output[0, len(prompt) :]
    assert "Paris" in tokenizer.decode(answer)
    assert int(answer[-1]) == tokenizer.eos_token_id
