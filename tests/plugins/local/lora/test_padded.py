from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("peft")

import torch

from llmops_plugins.local.lora.model import adapt
from llmops_plugins.local.lora.padded import PaddedLoss

from .example import CPU, example_rows, options


def test_a_model_that_caps_its_logits_is_trained_on_capped_logits(tmp_path: Path) -> None:
    """A model that caps its logits after the output layer is not mistaken for one that does not."""
    from transformers import Gemma2Config, Gemma2ForCausalLM

    torch.manual_seed(0)
    config = Gemma2Config(
        vocab_size=1000, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=1, head_dim=16, final_logit_softcapping=0.5, attn_implementation="eager",
    )  # fmt: skip
    Gemma2ForCausalLM(config).save_pretrained(tmp_path / "gemma")
    model = adapt(tmp_path / "gemma", options(), CPU)
    row = example_rows()[0]
    with torch.no_grad():
        value = float(PaddedLoss(model, CPU)([row]))
        logits = model(torch.from_numpy(row.ids.astype("int64"))[None]).logits[0].log_softmax(-1)
    expected = -sum(float(logits[place - 1, row.ids[place]]) for place in row.targets)
    assert value == pytest.approx(expected, rel=1e-4)
