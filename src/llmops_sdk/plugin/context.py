"""The context that a step hands to the plugin it calls."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from llmops_sdk.plugin.cards import CardKind
from llmops_sdk.values.serial import digest

if TYPE_CHECKING:
    from llmops_sdk.progress import Progress


@attrs.frozen
class Context:
    """What a step hands to the plugin it calls.

    Attributes:
        run_id: The run.
        step: The step, as the record names it.
        folder: Where to write. It belongs to what is being made, not to the attempt: a later attempt at the same
            artifact finds what an interrupted one left there (checkpoints), and a finished one keeps all of it. Its name
            is the key of what is being made: the same in every store and on every machine for the same inputs.
        home: The cache of this machine (`LLMOPS_HOME`).
        offline: Whether the network must not be touched.
        progress: Where to tell how far the work is.
        log: Goes to `logs/<step>.log` of the run.
        settings: Of this plugin, from `with_settings`: names and text.
        make: Makes another plugin's implementation: `context.make("trainer", "lora", {"max_steps": 10})`.
        asset: The folder of an asset, fetched first where it is missing: `context.asset("wordnet")`. Raises
            `AssetError` when it cannot be had.
    """

    run_id: str
    step: str
    folder: Path
    home: Path
    offline: bool
    progress: Progress
    log: logging.Logger
    settings: Mapping[str, Mapping[str, Any]]
    make: Callable[[CardKind, str, Mapping[str, Any]], Any]
    asset: Callable[[str], Path]

    def resource_name(self, limit: int = 63) -> str:
        """Return the one name for what this step creates: the same in every attempt of the same run.

        Args:
            limit: The longest name the service allows; 63 is SageMaker's.
        """
        whole = f"llmops-{self.run_id}-{self.step}"
        name = re.sub(r"[^a-zA-Z0-9]+", "-", whole).strip("-")
        if len(name) <= limit:
            return name
        # Steps that differ at their ends must not share a name.
        mark = digest(whole)[:8]
        return f"{name[: limit - 9].rstrip('-')}-{mark}"
