"""A small pipeline of the kit's own parts, to run a plugin in: no weights, no network, about a second."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llmops_sdk.plugin.registry import Registry
from llmops_sdk.progress import Progress

if TYPE_CHECKING:
    from llmops_sdk.pipeline.result import Result

SMALL: Mapping[str, Any] = {
    "name": "small",
    "datasets": [{"use": "lines", "records": 24}],
    "prompts": ["bare"],
    "models": [
        {"use": "echo", "name": "loud", "voice": "loud", "fine_tune": False},
        {"use": "echo", "name": "quiet", "voice": "quiet", "fine_tune": False},
    ],
    "evaluators": ["echo-score"],
}
"""The specification: two models, one of which answers right."""

FAILING: Mapping[str, Any] = {"use": "echo", "name": "mute", "voice": "mute", "fine_tune": False}
"""A model that never answers."""


def kit_registry(plugins: Mapping[str, Any] | None = None) -> Registry:
    """Load the installed plugins, and add the kit and further ones, unless they are among them.

    Args:
        plugins: Modules or objects with hooks, by name.
    """
    import llmops_sdk.testing

    registry = Registry.load()
    for name, module in {"testing": llmops_sdk.testing, **(plugins or {})}.items():
        if registry.module(name) is not module:
            registry.add(name, module)
    return registry


def run_small(
    specification: Mapping[str, Any], registry: Registry, store: Path, progress: Progress, folder: Path | None = None
) -> Result:
    """Run the small pipeline.

    Args:
        specification: What replaces its keys, as in a specification file.
        registry: The plugins; must have the kit's own.
        store: The folder of the run.
        progress: Where progress is shown.
        folder: What relative paths in the specification are relative to; by default the working directory.
    """
    from llmops_sdk.pipeline.pipeline import Pipeline
    from llmops_sdk.planning.specification.data import spec_from

    spec = spec_from({**SMALL, **specification}, where="the small pipeline", folder=folder or Path.cwd())
    return Pipeline(spec).run(store=store, offline=True, progress=progress, registry=registry)
