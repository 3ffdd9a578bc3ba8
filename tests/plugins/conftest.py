"""The tiny model, and the context of a step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import attrs
import pytest

from llmops_sdk.plugin import Context
from llmops_sdk.testing import make_context

from ..tiny_model import sample_texts, save_tiny_model


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a Llama with random weights, its tokenizer and a chat template."""
    folder = tmp_path_factory.mktemp("tiny-model")
    save_tiny_model(folder)
    return folder


@pytest.fixture(name="sample_texts", scope="session")
def _sample_texts() -> list[str]:
    """The texts of the bundled sample dataset."""
    return sample_texts()


@pytest.fixture(name="make_context")
def _make_context(tmp_path: Path) -> Callable[..., Context]:
    """Make the `Context` of a step; every keyword replaces one of its attributes, and `assets` names folders."""

    def make(*, assets: Mapping[str, Path] | None = None, **attributes: Any) -> Context:
        context = make_context(tmp_path / "step", home=tmp_path / "home", assets=assets)
        context = attrs.evolve(context, **{"run_id": "test-run", "step": "train-tiny", **attributes})
        context.folder.mkdir(parents=True, exist_ok=True)
        context.home.mkdir(parents=True, exist_ok=True)
        return context

    return make
