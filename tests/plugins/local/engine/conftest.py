"""One engine with the tiny model for all tests of a module."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")


@pytest.fixture(scope="module")
def engine(tiny_model: Path) -> Any:
    """An engine that computes in float32 on the CPU."""
    from llmops_plugins.local.engine.engine import Engine

    from .reference import CPU

    return Engine(tiny_model, CPU)
