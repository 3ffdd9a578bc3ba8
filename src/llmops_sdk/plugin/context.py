"""The context that a step passes to the plugin it calls."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import attrs

from llmops_sdk.errors import PluginError
from llmops_sdk.plugin.cards import CardKind
from llmops_sdk.plugin.metering import Metering
from llmops_sdk.progress import Progress
from llmops_sdk.values.resources import Resource
from llmops_sdk.values.serial import digest


def _make_nothing(kind: CardKind, name: str, _options: Mapping[str, Any]) -> Any:
    message = f"this context has no plugins, so it cannot make {kind} {name!r}"
    raise PluginError(message)


def _find_no_asset(name: str) -> Path:
    message = f"this context has no assets, so it cannot find {name!r}"
    raise PluginError(message)


def _no_settings(_kind: CardKind, _name: str) -> Mapping[str, Any]:
    return {}


def _add_nothing(_resource: Resource) -> None:
    """Without a run there is no ledger."""


@attrs.frozen(kw_only=True)
class Context:
    """What a step passes to the plugin it calls.

    Everything but the two folders has a default, so a new attribute breaks nobody who makes a context by hand.

    Attributes:
        folder: Where to write. It belongs to the artifact, not to the attempt: a later attempt at the same artifact
            finds what an interrupted one left there (checkpoints), and a finished artifact keeps all of it. Its name
            is the artifact's key: the same in every store and on every machine for the same inputs.
        home: The cache of this machine (`LLMOPS_HOME`).
        run_id: The run.
        step: The step, as the record names it.
        offline: Whether the network must not be used.
        progress: Where to report how far the work is.
        log: Goes to `logs/<step>.log` of the run.
        settings: The settings of this plugin, from `with_settings`: names and JSON values.
        make: Makes another plugin's implementation: `context.make("trainer", "lora", {"max_steps": 10})`.
        asset: Returns the folder of an asset, and fetches it first if it is missing: `context.asset("wordnet")`.
            Raises `AssetError` if it is not available.
        settings_of: Returns the settings of the plugin that offers a card; `for_card` uses it.
        trains: Whether a model is fine-tuned on the dataset that is prepared. If none is, `load` makes all records test
            records unless the options ask for a split.
        add_resource: Enters a further resource into the run's ledger, in `train` or `deploy`, before it is created; it is
            deleted with those of `resources`.
        meter: Counts what an evaluator asks another model, for the cost and the budget of the run.
    """

    folder: Path
    home: Path
    run_id: str = "none"
    step: str = "none"
    offline: bool = True
    progress: Progress = attrs.field(factory=Progress)
    log: logging.Logger = attrs.field(factory=lambda: logging.getLogger("llmops"))
    settings: Mapping[str, Any] = attrs.field(factory=dict)
    make: Callable[[CardKind, str, Mapping[str, Any]], Any] = _make_nothing
    asset: Callable[[str], Path] = _find_no_asset
    settings_of: Callable[[CardKind, str], Mapping[str, Any]] = _no_settings
    trains: bool = True
    add_resource: Callable[[Resource], None] = _add_nothing
    meter: Metering = attrs.field(factory=Metering)

    def for_card(self, kind: CardKind, name: str) -> Context:
        """Return the context to pass to an implementation that `make` made: this one with its plugin's settings."""
        return attrs.evolve(self, settings=self.settings_of(kind, name))

    def resource_name(self, limit: int = 63) -> str:
        """Return the one name for what this step creates: the same in every attempt of the same run.

        Args:
            limit: The longest name the service allows; 63 is SageMaker's.
        """
        full_name = f"llmops-{self.run_id}-{self.step}"
        name = re.sub(r"[^a-zA-Z0-9]+", "-", full_name).strip("-")
        if len(name) <= limit:
            return name
        # Steps whose names differ only at their ends must not share a resource name.
        suffix = digest(full_name)[:8]
        return f"{name[: limit - 9].rstrip('-')}-{suffix}"
