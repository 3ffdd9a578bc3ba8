"""What the record has of a step: that it started, and how it ended."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Union

import attrs


@attrs.frozen
class Started:
    """A step that has started.

    Attributes:
        step: Its name.
        host: Where.
        pid: The process.
        started_at: When, in seconds since the epoch.
        heartbeat: When it was last known to be alive, in seconds since the epoch.
    """

    step: str
    host: str
    pid: int
    started_at: float
    heartbeat: float


@attrs.frozen
class Succeeded:
    """A step that is done.

    Attributes:
        step: Its name.
        artifacts: What it made: a name (of a cell, an evaluator) to an artifact's address `kind/key`.
        cached: Whether all of it was made by an earlier run.
        at: When it started, in seconds since the epoch.
        seconds: How long it took.
        pending: Answers and scores that failed for now; resuming the run runs the step again for these.
        inputs: What decided it, by what messages call it (`the prompt 'chat'`), with its hash.
        reason: Why it was reused or done again, for people; empty where no earlier run had it.
    """

    step: str
    artifacts: Mapping[str, str]
    cached: bool
    at: float
    seconds: float
    pending: int = 0
    inputs: Mapping[str, str] = attrs.field(factory=dict)
    reason: str = ""


@attrs.frozen
class Failed:
    """A step that failed, or that could not run because an earlier one failed.

    Attributes:
        step: Its name.
        error: One line that says what, where and how to fix it.
        detail: The traceback, where the fault may be ours.
        cause: The step that failed first; the step itself where the failure is its own.
        at: When it started, in seconds since the epoch.
        seconds: How long it took.
    """

    step: str
    error: str
    detail: str
    cause: str
    at: float
    seconds: float


StepRecord = Union[Succeeded, Failed]
