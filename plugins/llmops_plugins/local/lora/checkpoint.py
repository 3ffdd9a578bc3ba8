"""The checkpoint of a training: adapters, optimizer, random state and position in one file."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import torch

from llmops_sdk.plugin import TrainingPoint

_FILE = "state.pt"


@attrs.define
class Position:
    """How far a training is.

    Attributes:
        step: Optimizer steps done.
        tokens: Tokens trained on, padding not counted.
        seconds: Since its start, over all attempts.
        step_seconds: The part of them spent in optimizer steps.
        curve: The loss so far.
    """

    step: int = 0
    tokens: int = 0
    seconds: float = 0.0
    step_seconds: float = 0.0
    curve: list[TrainingPoint] = attrs.field(factory=list)


def save_checkpoint(
    folder: Path, key: str, position: Position, adapters: Mapping[str, torch.Tensor], optimizer: torch.optim.Optimizer
) -> None:
    """Write a checkpoint; the previous one stays until the new one is complete.

    Args:
        folder: Where to write it.
        key: Identifies the training; `load_checkpoint` ignores the checkpoint of another one.
        position: How far it is.
        adapters: The adapters' values.
        optimizer: Its state is saved.
    """
    folder.mkdir(parents=True, exist_ok=True)
    state = {
        "key": key,
        "position": {**attrs.asdict(position, recurse=False), "curve": [attrs.astuple(p) for p in position.curve]},
        "adapters": dict(adapters),
        "optimizer": optimizer.state_dict(),
        "random": torch.get_rng_state(),
        "cuda_random": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
    }
    part = folder / f"{_FILE}.{os.getpid()}.part"
    with part.open("wb") as file:
        torch.save(state, file)
        file.flush()
        os.fsync(file.fileno())
    part.replace(folder / _FILE)


def load_checkpoint(
    folder: Path, key: str, optimizer: torch.optim.Optimizer, log: logging.Logger
) -> tuple[Position, dict[str, torch.Tensor]] | None:
    """Return a checkpoint's position and adapters, and restore the optimizer and random state; None without one.

    A checkpoint of another training, or one that cannot be read, is logged and ignored. Reading it runs no pickled code.
    """
    path = folder / _FILE
    if not path.exists():
        return None
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # noqa: BLE001 - whatever torch raises for a broken file
        log.warning("the checkpoint '%s' cannot be read, so the training starts again: %s", path, error)
        return None
    if state["key"] != key:
        log.warning("the checkpoint '%s' belongs to another training, so this one starts at step 0", path)
        return None
    optimizer.load_state_dict(state["optimizer"])
    torch.set_rng_state(state["random"])
    if state["cuda_random"] and len(state["cuda_random"]) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all(state["cuda_random"])
    fields = state["position"]
    fields["curve"] = [TrainingPoint(*point) for point in fields["curve"]]
    return Position(**fields), state["adapters"]
