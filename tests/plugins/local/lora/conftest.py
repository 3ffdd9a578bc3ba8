"""One thread for all tests of a training."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

pytest.importorskip("torch")

import torch


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """One thread adds in one order, so that equal trainings give equal weights."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
