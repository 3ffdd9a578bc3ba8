from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

pytest.importorskip("transformers")

import torch

from llmops_plugins.local.weights.loading import context_length, count_parameters, load_model, load_tokenizer
from llmops_sdk import AssetError


def test_a_model_is_loaded_in_the_requested_dtype(tiny_model: Path) -> None:
    """It is ready for inference."""
    model = load_model(tiny_model, "bfloat16")
    assert (torch.bfloat16, False) == (model.dtype, model.training)


def test_a_tokenizer_pads_on_the_left(tiny_model: Path, tmp_path: Path) -> None:
    """Without a padding token it pads with its end of text, whatever its files say about the side."""
    copy = shutil.copytree(tiny_model, tmp_path / "copy")
    settings = json.loads((copy / "tokenizer_config.json").read_text())
    (copy / "tokenizer_config.json").write_text(
        json.dumps({**settings, "pad_token": None, "padding_side": "right"}), encoding="utf-8"
    )
    (copy / "special_tokens_map.json").unlink(missing_ok=True)
    tokenizer = load_tokenizer(copy)
    assert (tokenizer.pad_token, tokenizer.padding_side) == ("<|im_end|>", "left")


def test_a_broken_model_names_its_folder(tiny_model: Path, tmp_path: Path) -> None:
    """So does a broken tokenizer; both errors have the reason."""
    copy = shutil.copytree(tiny_model, tmp_path / "copy")
    (copy / "config.json").write_text('{"model_type": "no-such-type"}')
    (copy / "tokenizer.json").write_text("{")
    with pytest.raises(AssetError, match=r"the model in '.*copy' cannot be loaded: .*no-such-type"):
        load_model(copy)
    with pytest.raises(AssetError, match=r"the tokenizer in '.*copy' cannot be loaded"):
        load_tokenizer(copy)


@pytest.mark.parametrize(
    ("config", "length"), [({"max_position_embeddings": 2048}, 2048), ({"n_positions": 1024}, 1024), ({}, None)]
)
def test_the_context_length_is_read_from_the_configuration(
    tmp_path: Path, config: dict[str, int], length: int | None
) -> None:
    """GPT-2 and its relatives name it differently; a model without a limit names none."""
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert length == context_length(tmp_path)


def test_a_model_that_transformers_4_would_misread_is_refused(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """5 saves the base of the rotations where 4 does not look, also in a configuration with several parts."""
    copy = shutil.copytree(tiny_model, tmp_path / "copy")
    config = json.loads((copy / "config.json").read_text())
    config.pop("rope_theta", None)
    monkeypatch.setattr("transformers.__version__", "4.57.6")
    rotations = {"rope_parameters": {"rope_type": "default", "rope_theta": 20_000.0}}
    for saved in ({**config, **rotations}, {**config, "text_config": rotations}):
        (copy / "config.json").write_text(json.dumps(saved))
        with pytest.raises(AssetError, match=r"saved by transformers 5.*pip install 'transformers>=5'"):
            load_model(copy)


def test_quantized_weights_are_refused(tiny_model: Path, tmp_path: Path) -> None:
    """In one line with the method, and with what to do instead."""
    copy = shutil.copytree(tiny_model, tmp_path / "copy")
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps({**config, "quantization_config": {"quant_method": "gptq"}}))
    with pytest.raises(
        AssetError, match=r"copy' is quantized \(gptq\), and only float weights .*\(deployer 'served'\)$"
    ):
        load_model(copy)


def test_the_weights_of_a_folder_are_counted(tiny_model: Path) -> None:
    """Without loading them."""
    assert sum(weight.numel() for weight in load_model(tiny_model).parameters()) == count_parameters(tiny_model)
