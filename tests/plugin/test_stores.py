"""Stores by their URIs: a folder needs no plugin, a scheme is opened by the plugin that offers it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from llmops_sdk import MissingExtraError, PluginError, SpecError, open_store
from llmops_sdk.plugin import StoreCard, hookimpl
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.testing import MemoryStore


class RecordingStore(MemoryStore):
    """Keeps what it was made with."""

    def __init__(self, uri: str, settings: Mapping[str, Any]) -> None:
        super().__init__()
        self.uri = uri
        self.settings = settings


@pytest.fixture(name="plugin")
def _plugin(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A plugin that opens `mem://`."""
    module = ModuleType("mem_plugin")
    module.RecordingStore = RecordingStore  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "mem_plugin", module)
    return offering(module, StoreCard(name="mem", summary="in memory", load="mem_plugin:RecordingStore"))


def offering(module: ModuleType, card: StoreCard) -> ModuleType:
    """Make a plugin offer a store."""
    module.llmops_cards = hookimpl(lambda: (card,))  # type: ignore[attr-defined]
    module.llmops_cards.__name__ = "llmops_cards"
    return module


def test_a_plugin_opens_its_scheme_with_its_settings(plugin: ModuleType) -> None:
    """The store gets the URI as it is, and the settings of its own plugin; it may have none."""
    registry = Registry()
    registry.add("mem", plugin)

    opened = open_store("mem://a/b?c=d", registry, {"mem": {"region": "north"}, "other": {"x": 1}})

    assert isinstance(opened, RecordingStore)
    assert ("mem://a/b?c=d", {"region": "north"}) == (opened.uri, opened.settings)
    again = open_store("mem://a", registry)
    assert isinstance(again, RecordingStore)
    assert {} == again.settings


def test_an_unknown_scheme_is_one_line_with_the_known_ones(plugin: ModuleType) -> None:
    """The message names the broken plugins too, since one of them may open it."""
    registry = Registry()
    registry.add("mem", plugin)
    registry.add("bad", ModuleType("bad"))
    registry.add("bad", ModuleType("bad"))

    with pytest.raises(SpecError) as found:
        open_store("s4://bucket", registry)

    expected = "no store opens 's4://' URIs; known: a folder, mem://... (broken plugins: bad; see: llmops plugins)"
    assert expected == str(found.value)


def test_a_missing_extra_and_two_owners_are_errors(plugin: ModuleType) -> None:
    """As for every card: what to install, and both owners of one scheme."""
    registry = Registry()
    card = StoreCard(name="far", summary="", load="nowhere:Store", requires=("not_there_at_all",), extra="far")
    registry.add("far", offering(ModuleType("far"), card))
    with pytest.raises(MissingExtraError, match=r"store 'far' needs not_there_at_all: pip install not_there_at_all"):
        open_store("far://x", registry)

    registry.add("one", plugin)
    registry.add("two", _copy(plugin))
    with pytest.raises(PluginError, match="store 'mem' is offered by plugin 'one' and plugin 'two'"):
        open_store("mem://x", registry)


def _copy(plugin: ModuleType) -> ModuleType:
    copy = ModuleType("copy")
    copy.__dict__.update(vars(plugin))
    return copy


@pytest.mark.parametrize("uri", ["s3:/bucket/prefix", "gs:/x"])
def test_a_uri_that_went_through_a_path_is_refused(uri: str) -> None:
    """`Path("s3://b")` has one slash: no folder `s3:` is made for it."""
    with pytest.raises(SpecError, match="write it as text with two slashes, not as a path"):
        open_store(uri)


def test_folders_load_no_plugin(tmp_path: Path) -> None:
    """So is `file://`."""
    code = (
        "import sys\nfrom llmops_sdk.plugin.stores import open_store\nfrom llmops_sdk.plugin.registry import Registry\n"
        "Registry.load = lambda: sys.exit('loaded')\n"
        f"assert open_store({str(tmp_path)!r}).uri == open_store('file://{tmp_path}').uri == {str(tmp_path)!r}"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
