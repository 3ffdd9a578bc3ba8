"""Fixtures for pytest. Installing `llmops-sdk` makes them known; nothing is imported before one is used."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from llmops_sdk.pipeline.result import Result
    from llmops_sdk.plugin.context import Context
    from llmops_sdk.testing.rules.inputs import CheckInputs
    from llmops_sdk.testing.rules.report import CheckReport


@pytest.fixture
def llmops_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The cache of this test alone: an empty folder, which `LLMOPS_HOME` names."""
    home = tmp_path / "llmops-home"
    home.mkdir(exist_ok=True)
    monkeypatch.setenv("LLMOPS_HOME", str(home))
    return home


@pytest.fixture
def llmops_context(tmp_path: Path, llmops_home: Path) -> Context:
    """A context for calling one implementation, with a folder of this test."""
    from llmops_sdk.testing.context import make_context

    return make_context(tmp_path / "llmops-folder", home=llmops_home)


@pytest.fixture
def llmops_check() -> Callable[[Any, CheckInputs | Mapping[str, CheckInputs] | None], CheckReport]:
    """The function `llmops_sdk.testing.check`."""
    from llmops_sdk.testing.checking import check

    return check


@pytest.fixture
def llmops_run(tmp_path: Path, llmops_home: Path) -> Callable[..., Result]:  # noqa: ARG001 - it sets LLMOPS_HOME
    """A function that runs a small pipeline in a store of this test, and returns its result.

    Without arguments it has 24 records, two models that answer at once, one of them right, and the evaluator
    `echo-score`. Keywords replace keys of the specification: `llmops_run(evaluators=["brevity"])`. `plugins` adds
    plugins that are not installed: modules with hooks, by name.
    """

    def run(plugins: Mapping[str, Any] | None = None, **specification: Any) -> Result:
        from llmops_sdk.progress import Progress
        from llmops_sdk.testing.small_run import kit_registry, run_small

        registry = kit_registry(plugins)
        problems = [f"plugin {plugin.name!r}: {plugin.problem}" for plugin in registry.plugins if plugin.problem]
        if problems:
            pytest.fail("; ".join(problems))
        return run_small(specification, registry, tmp_path / "llmops-runs", Progress(), folder=tmp_path)

    return run
