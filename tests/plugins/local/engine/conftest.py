"""Engines with the tiny model for all tests of a module: one that torch computes, and one that OpenVINO computes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")


@pytest.fixture(scope="module", params=["torch", "openvino"])
def device(request: pytest.FixtureRequest) -> Any:
    """The CPU in float32, with each engine; one that is not installed is skipped."""
    from llmops_plugins.local.device import Device

    pytest.importorskip(request.param)
    return Device.named("cpu", "float32", request.param)


@pytest.fixture(scope="module")
def engine(tiny_model: Path, device: Any) -> Any:
    """An engine that was not asked yet, or only by tests of the same module."""
    from llmops_plugins.local.engine.engine import Engine

    made = Engine(tiny_model, device)
    assert (device.engine, "", "continuous") == (made.name, made.fallback, made.batching)
    return made
