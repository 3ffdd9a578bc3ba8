from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from llmops_plugins.local.names import FORMAT, SMOLLM2
from llmops_plugins.local.options import (
    HuggingFaceOptions,
    LocalEndpointOptions,
    LocalExecutorOptions,
    LoraOptions,
    SmolLM2Options,
)
from llmops_sdk import AssetError
from llmops_sdk.plugin import BaseModel, Billing
from llmops_sdk.values.serial import explain, from_json


def test_a_model_names_its_weights_and_their_revision() -> None:
    """The default model's weights are an asset; other weights need none."""
    assert BaseModel(FORMAT, SMOLLM2, "") == SmolLM2Options().base_model()
    assert (SMOLLM2,) == SmolLM2Options().assets()
    other = HuggingFaceOptions(weights="owner/name", revision="v1")
    assert BaseModel(FORMAT, "owner/name", "v1") == other.base_model()
    assert () == other.assets()


@pytest.mark.parametrize(
    ("options", "invalid"),
    [
        (LoraOptions, {"epochs": 0}),
        (LoraOptions, {"max_steps": 0}),
        (LoraOptions, {"max_minutes": 0}),
        (LoraOptions, {"learning_rate": -1e-4}),
        (LoraOptions, {"dropout": 1.0}),
        (LoraOptions, {"max_length": 8}),
        (LoraOptions, {"held_out": -1}),
        (LoraOptions, {"dtype": "float64"}),
        (LoraOptions, {"device": "gpu"}),
        (LocalEndpointOptions, {"device": "cuda:first"}),
        (LocalEndpointOptions, {"dtype": "float16"}),
        (LocalEndpointOptions, {"engine": "vllm"}),
        (LocalEndpointOptions, {"max_batch": 0}),
        (LocalEndpointOptions, {"batch_window_ms": -1}),
        (LocalEndpointOptions, {"start_timeout": 0}),
        (LocalExecutorOptions, {"workers": 0}),
    ],
)
def test_options_that_cannot_work_are_refused(options: type, invalid: dict[str, Any]) -> None:
    """The options class itself refuses them, when the pipeline is built."""
    with pytest.raises(ValueError, match=next(iter(invalid))):
        options(**invalid)


def test_an_unknown_engine_is_explained_in_one_line() -> None:
    """With what is known, and nothing else."""
    with pytest.raises(Exception) as failure:  # noqa: PT011 - cattrs groups the causes
        from_json({"engine": "vllm"}, LocalEndpointOptions)
    assert "'engine' must be in ('auto', 'openvino', 'torch') (got 'vllm')" == explain(failure.value)


@pytest.mark.parametrize("options", [LoraOptions(), LocalEndpointOptions()])
def test_a_folder_with_weights_is_checked_before_a_run(options: Any, tmp_path: Path) -> None:
    """A missing or incomplete folder is an error; what is on the hub, or an asset, is checked when it is fetched."""
    for source in ("owner/name", "smollm2-135m-instruct"):
        assert () == tuple(options.preflight(BaseModel("huggingface", source), {}))
    (check,) = options.preflight(BaseModel("huggingface", str(tmp_path / "nowhere")), {})
    with pytest.raises(AssetError, match=r"there is no folder '.*nowhere' with weights"):
        check.run()
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "pytorch_model.bin").write_bytes(b"weights")
    (check,) = options.preflight(BaseModel("huggingface", str(tmp_path)), {})
    with pytest.raises(AssetError, match="save the model with safe_serialization=True"):
        check.run()


@pytest.mark.parametrize("options", [LoraOptions(), LocalEndpointOptions()])
def test_quantized_weights_are_refused_before_a_run(options: Any, tiny_model: Path, tmp_path: Path) -> None:
    """Nothing is started; `served` takes them, if its server does."""
    copy = shutil.copytree(tiny_model, tmp_path / "copy")
    (copy / "config.json").write_text('{"quantization_config": {"quant_method": "fp8"}}')
    (check,) = options.preflight(BaseModel("huggingface", str(copy)), {})
    with pytest.raises(AssetError, match=r"copy' is quantized \(fp8\), and only float weights"):
        check.run()


@pytest.mark.parametrize(
    ("options", "length"),
    [
        ({}, "1 epoch"),
        ({"epochs": 2.5, "max_steps": 3}, "2.5 epochs or at most 3 steps, whichever ends first"),
        (
            {"max_steps": 3, "max_minutes": 1.5},
            "1 epoch or at most 3 steps or at most 1.5 minutes, whichever ends first",
        ),
    ],
)
def test_the_length_of_a_training_has_all_its_limits(options: dict[str, Any], length: str) -> None:
    """The plan shows it: the number of steps is known once the records are tokens."""
    assert length == LoraOptions(**options).length()


def test_training_and_asking_take_this_machine() -> None:
    """No service bills it; a training takes at most as long as its options allow."""
    base = SmolLM2Options().base_model()

    assert Billing("hours", "local", is_own=True) == LocalEndpointOptions().billing(base)
    assert Billing("hours", "local", is_own=True, most_seconds=90.0) == LoraOptions(max_minutes=1.5).billing(base)
    assert LoraOptions().billing(base).most_seconds is None
