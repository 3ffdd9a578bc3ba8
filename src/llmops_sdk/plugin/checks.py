"""Checks of a machine, an account or a pipeline, and what they found."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import attrs


@attrs.frozen
class Finding:
    """What a check found.

    Attributes:
        status: `ok`, `warning` (works, but) or `error` (will not work).
        text: What was found.
        hint: How to fix it: what to type, or empty.
    """

    status: Literal["ok", "warning", "error"]
    text: str
    hint: str = ""


@attrs.frozen
class Check:
    """One check of a machine, an account or a pipeline.

    Attributes:
        name: What is looked at (`torch`, `wordnet`).
        run: Checks, without changing anything. A check of `llmops doctor` looks at this machine alone, without a network.
    """

    name: str
    run: Callable[[], Finding]
