"""What the steps of a process share: plugins, cache, network and progress."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from llmops_sdk import AssetError, Progress
from llmops_sdk.plugin import Runtime, default_home
from llmops_sdk.plugin.registry import Registry


def test_the_cache_is_named_by_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """By LLMOPS_HOME, else in the user's cache folder."""
    monkeypatch.setenv("LLMOPS_HOME", str(tmp_path / "own"))
    assert tmp_path / "own" == default_home()

    monkeypatch.delenv("LLMOPS_HOME")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    assert tmp_path / "caches" / "llmops" == default_home()

    monkeypatch.delenv("XDG_CACHE_HOME")
    assert Path.home() / ".cache" / "llmops" == default_home()


@pytest.mark.parametrize(("value", "offline"), [("1", True), ("", False)])
def test_a_process_has_a_runtime(
    value: str,
    offline: bool,  # noqa: FBT001 - a parameter
    monkeypatch: pytest.MonkeyPatch,
    home: Path,
) -> None:
    """With the installed plugins, and offline if the environment asks for it."""
    monkeypatch.setenv("LLMOPS_OFFLINE", value)

    runtime = Runtime.of_this_process(Progress())

    assert (home, offline) == (runtime.home, runtime.offline)
    assert "local" in {plugin.name for plugin in runtime.registry.plugins}


def test_a_missing_asset_is_an_error_offline(registry: Registry, tmp_path: Path) -> None:
    """Also through the context that a plugin gets."""
    runtime = Runtime(registry, tmp_path, offline=True, progress=Progress())
    context = runtime.context(run_id="r", step="s", folder=tmp_path, log=logging.getLogger("test"))

    for asset in (runtime.asset, context.asset):
        with pytest.raises(AssetError, match="asset 'minilm'"):
            asset("minilm")


def test_a_context_has_the_settings_of_the_plugin_that_is_called(registry: Registry, tmp_path: Path) -> None:
    """And of no other one."""
    runtime = Runtime(registry, tmp_path, progress=Progress())
    settings = {"testing": {"note": "x"}, "sagemaker": {"region": "us-east-1"}}

    context = runtime.context(run_id="r", step="s", folder=tmp_path, log=logging.getLogger("test"), settings=settings)

    assert ("r", "s", tmp_path) == (context.run_id, context.step, context.folder)
    assert {"note": "x"} == context.for_card("evaluator", "echo-score").settings
