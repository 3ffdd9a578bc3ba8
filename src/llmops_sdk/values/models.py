"""Base models and trained models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Union

import attrs


@attrs.frozen
class BaseModel:
    """Published weights.

    Attributes:
        format: What trainers and deployers must support: `huggingface`, `jumpstart`, ...
        source: A path, a hub id, an asset or a catalogue id.
        version: A revision or version; empty for the source's current one.
        parameters: Further parameters of plugins for this format, as text.
    """

    format: str
    source: str
    version: str = ""
    parameters: Mapping[str, str] = attrs.field(factory=dict)


@attrs.frozen
class TrainingPoint:
    """One point of a training curve.

    Attributes:
        step: Optimizer steps done.
        tokens: Tokens seen, padding not counted.
        seconds: Since training started, over all attempts.
        loss: Mean cross-entropy of the target tokens (nats a token), or None if only the held-out loss was measured.
        held_out_loss: The same on records that are not trained on, or None if it was not measured.
    """

    step: int
    tokens: int
    seconds: float
    loss: float | None
    held_out_loss: float | None = None


@attrs.frozen
class TrainedModel:
    """The result of a trainer.

    Attributes:
        format: What a deployer must accept.
        uri: Where the weights are: a path below the step's folder, or a URI.
        base: The model it started from, with its version resolved.
        job_name: The remote job, or empty.
        metrics: Names and numbers to show (tokens_per_second, held_out_loss_before, ...).
        curve: The loss over the steps.
        truncated: Whether a time budget ended it early.
        metadata: Details to record (device, dtype).
    """

    format: str
    uri: str
    base: BaseModel
    job_name: str = ""
    metrics: Mapping[str, float] = attrs.field(factory=dict)
    curve: tuple[TrainingPoint, ...] = ()
    truncated: bool = False
    metadata: Mapping[str, str] = attrs.field(factory=dict)


ServableModel = Union[BaseModel, TrainedModel]
