"""Weights that cannot be had: what is told."""

from __future__ import annotations

from pathlib import Path

import attrs
import pytest

from llmops_plugins.fmeval.encoder import find_encoder
from llmops_plugins.fmeval.options import QAAccuracyOptions
from llmops_sdk import AssetError
from llmops_sdk.plugin import Context


def test_an_encoder_that_cannot_be_had_is_told_with_how_to_get_it(
    context: Context, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Offline, and not in the hub's cache."""
    monkeypatch.setattr("llmops_plugins.fmeval.options.problem_with", lambda _python: "")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    wanted = (
        "'us/encoder' is not available: .*; run 'hf download us/encoder' on a machine with a network and copy its cache"
    )
    with pytest.raises(AssetError, match=wanted):
        find_encoder(
            attrs.evolve(context, offline=True), QAAccuracyOptions(bertscore_model="us/encoder", bertscore_layers=1)
        )
