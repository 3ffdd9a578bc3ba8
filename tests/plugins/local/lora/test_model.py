from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("peft")

import torch

from llmops_plugins.local.lora.model import (
    adapt,
    adapter_state,
    save_merged,
    trainable,
)
from llmops_plugins.local.weights.loading import load_model

from ..architectures import save_model
from .example import (
    CPU,
    options,
    perturbed,
)


def test_the_merged_model_computes_what_the_adapted_one_does(tiny_model: Path, tmp_path: Path) -> None:
    """The merged weights give the logits of base and adapters."""
    chosen = options()
    adapted = adapt(tiny_model, chosen, CPU)
    with torch.no_grad():
        for parameter in trainable(adapted).values():
            parameter.normal_(std=0.05, generator=torch.Generator().manual_seed(3))
    ids = torch.arange(5, 60)[None]

    save_merged(tiny_model, adapter_state(adapted), chosen, tmp_path / "model")

    with torch.no_grad():
        expected = adapted.eval()(ids).logits
        base = load_model(tiny_model)(ids).logits
        merged = load_model(tmp_path / "model")(ids).logits
    torch.testing.assert_close(merged, expected, rtol=1e-4, atol=1e-4)
    assert (merged - base).abs().max() > 0.01


@pytest.mark.parametrize("architecture", ["gemma3", "mixtral", "gpt2"])
def test_merged_models_of_other_architectures_compute_what_the_adapted_ones_do(
    architecture: str, tiny_model: Path, tmp_path: Path
) -> None:
    """However a version of transformers stores their weights in memory."""
    base = save_model(architecture, tmp_path / "base", tiny_model)
    model = perturbed(base, options()).eval()
    ids = torch.arange(5, 60)[None]

    save_merged(base, adapter_state(model), options(), tmp_path / "model")

    with torch.no_grad():
        expected, merged = model(ids).logits, load_model(tmp_path / "model")(ids).logits
    torch.testing.assert_close(merged, expected, rtol=1e-3, atol=1e-3)


def test_a_merged_model_has_the_configuration_of_its_base(tiny_model: Path, tmp_path: Path) -> None:
    """What transformers 5 would write, 4 misreads."""
    config = json.loads((tiny_model / "config.json").read_text())
    base = shutil.copytree(tiny_model, tmp_path / "base")
    (base / "config.json").write_text(json.dumps({**config, "dtype": "bfloat16", "ours": 1}))

    save_merged(base, adapter_state(adapt(base, options(), CPU)), options(), tmp_path / "model")

    assert json.loads((tmp_path / "model" / "config.json").read_text()) == {**config, "dtype": "float32", "ours": 1}
