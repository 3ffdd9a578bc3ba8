"""Checks of a machine, an account or a pipeline, and their findings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import attrs


@attrs.frozen
class Finding:
    """What a check found.

    Attributes:
        status: `ok`, `warning` (works, but) or `error` (will not work).
        text: What is the case.
        hint: How to fix it: what to type; empty if there is nothing to fix.
    """

    status: Literal["ok", "warning", "error"]
    text: str
    hint: str = ""


@attrs.frozen
class Check:
    """One check of a machine, an account or a pipeline.

    Attributes:
        name: What is checked (`torch`, `wordnet`).
        run: Checks it, without changing anything. A check of `llmops doctor` uses this machine only, and no network.
    """

    name: str
    run: Callable[[], Finding]
