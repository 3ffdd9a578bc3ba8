"""The tiny model, for whole runs on this machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from ..tiny_model import save_tiny_model


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a Llama with random weights, its tokenizer and a chat template."""
    folder = tmp_path_factory.mktemp("tiny-model")
    save_tiny_model(folder)
    return folder
