"""The weights that a command gets."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from llmops_plugins.served.options import ServedModelOptions
from llmops_plugins.served.weights import find_weights, weights_version
from llmops_sdk import AssetError
from llmops_sdk.plugin import BaseModel, Context, TrainedModel

MakeContext = Callable[..., Context]


def base(source: Path | str) -> BaseModel:
    return ServedModelOptions(model=str(source)).base_model()


def test_a_folder_is_passed_on_with_the_hash_of_its_files(tiny_model: Path, make_context: MakeContext) -> None:
    """Both before the run and in it."""
    context = make_context()
    weights = find_weights(context, base(tiny_model))
    assert (tiny_model, tiny_model.name) == (weights.path, weights.name)
    assert weights.version == weights_version(context, base(tiny_model))
    assert 64 == len(weights.version)


def test_a_fine_tuned_model_is_the_folder_that_its_trainer_left(
    tiny_model: Path, tmp_path: Path, make_context: MakeContext
) -> None:
    """Called like its base; one that is not complete is an error."""
    trained = TrainedModel("huggingface", str(tiny_model), BaseModel("huggingface", "owner/small", "v1"))
    weights = find_weights(make_context(), trained)
    assert (tiny_model, "", "small-tuned") == (weights.path, weights.version, weights.name)
    broken = shutil.copytree(tiny_model, tmp_path / "broken")
    (broken / "model.safetensors").unlink()
    with pytest.raises(AssetError, match=r"has no \*\.safetensors file"):
        find_weights(make_context(), TrainedModel("huggingface", str(broken), trained.base))


def test_a_gguf_file_is_passed_on(tmp_path: Path, make_context: MakeContext, monkeypatch: pytest.MonkeyPatch) -> None:
    """As an absolute path, with its hash."""
    file = tmp_path / "small.Q4.gguf"
    file.write_bytes(b"GGUF and weights")
    monkeypatch.chdir(tmp_path)
    context = make_context()
    weights = find_weights(context, base("small.Q4.gguf"))
    assert (file, "small.Q4") == (weights.path, weights.name)
    assert weights.version == weights_version(context, base("small.Q4.gguf"))


def test_a_command_may_name_its_model_itself(make_context: MakeContext) -> None:
    """Then there are no weights to pass on."""
    weights = find_weights(make_context(), ServedModelOptions().base_model())
    assert (None, "", "model") == (weights.path, weights.version, weights.name)
    assert "" == weights_version(make_context(), ServedModelOptions().base_model())
