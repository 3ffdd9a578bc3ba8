from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from llmops_plugins.local.device import Device
from llmops_plugins.local.engine.engine import Engine
from llmops_plugins.local.engine.model import make_row_model
from llmops_plugins.local.engine.request import GenerationRequest
from llmops_plugins.local.weights.loading import load_model

from ..architectures import save_model
from .reference import CPU, TEXTS, reference, scored, scoring, texts, token_log_probabilities


@pytest.mark.parametrize(
    ("architecture", "fallback", "batching"),
    [
        ("qwen3", "", "continuous"),
        ("qwen3-moe", "Qwen3MoeForCausalLM has ", "continuous"),
        (
            "gemma2",
            "Gemma2ForCausalLM has attention with softcap",
            "none: Gemma2ForCausalLM has attention with softcap",
        ),
        ("gemma3", "", "continuous"),
        ("mistral", "", "continuous"),
        ("mixtral", "MixtralForCausalLM has ", "continuous"),
        ("gpt2", "", "continuous"),
        ("bloom", "BloomForCausalLM has ", "none: BloomForCausalLM has "),
    ],
)
def test_other_architectures_complete_as_transformers_does(
    architecture: str, fallback: str, batching: str, tiny_model: Path, tmp_path: Path, device: Device
) -> None:
    """Batched where the architecture allows, else row by row; by OpenVINO where it takes the model, else by torch.

    Prompts have the log-probabilities that transformers computes, even if their logits are computed in slices.
    """
    folder = save_model(architecture, tmp_path, tiny_model)
    other = Engine(folder, device, max_batch=3)
    assert other.fallback.startswith(fallback if device.engine == "openvino" else "")
    assert ("torch" if other.fallback else device.engine) == other.name
    completions = texts(other.generate([GenerationRequest(text, max_new_tokens=14) for text in TEXTS[:5]]))
    assert other.batching.startswith(batching)
    assert [reference(folder, text, 14) for text in TEXTS[:5]] == completions
    for most in (10_000, 20):
        row_model: Any = other._model
        row_model._max_scored = most
        for text, (_, *scores) in zip(TEXTS[:5], scored(other.generate(scoring(*TEXTS[:5]))), strict=True):
            assert token_log_probabilities(folder, text) == pytest.approx(scores, abs=1e-3)


def test_layers_that_do_not_attend_as_configured_are_not_batched(tiny_model: Path, tmp_path: Path) -> None:
    """What the short texts of the comparison cannot show is read from the configuration."""
    model = load_model(save_model("mistral", tmp_path, tiny_model))
    model.config.layer_types = ["sliding_attention", "full_attention"]
    reason = "MistralForCausalLM has attention of the kind full_attention with the window 12"
    assert f"none: {reason}" == make_row_model(model, CPU).batching


@pytest.mark.parametrize("nested", [False, True])
def test_rotations_that_depend_on_the_longest_row_are_not_batched(nested: bool, tiny_model: Path) -> None:  # noqa: FBT001
    """Wherever this version of transformers has them, and for one kind of layer only."""
    model = load_model(tiny_model)
    dynamic: dict[str, Any] = {"rope_type": "dynamic", "rope_theta": 20_000.0, "factor": 2.0}
    name = "rope_parameters" if hasattr(model.config, "rope_parameters") else "rope_scaling"
    setattr(model.config, name, {"full_attention": dynamic} if nested else dynamic)
    assert make_row_model(model, CPU).batching.endswith("positions that depend on a sequence's length")
