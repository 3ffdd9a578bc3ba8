"""Install hints: the command that fits the way in which a distribution is installed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from llmops_sdk.plugin import install_hint
from llmops_sdk.plugin.installed import InstalledPlugin, installed_plugins


@pytest.fixture(name="acme")
def _acme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The metadata folder of an installed distribution `llmops-acme`."""
    folder = tmp_path / "site-packages" / "llmops_acme-1.2.dist-info"
    folder.mkdir(parents=True)
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: llmops-acme\nVersion: 1.2\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(folder.parent))
    return folder


def installed_from(folder: Path, url: str, **details: Any) -> None:
    """Record where the distribution was installed from, as pip and uv do."""
    (folder / "direct_url.json").write_text(json.dumps({"url": url, **details}), encoding="utf-8")


def test_a_distribution_of_an_index_is_named(acme: Path) -> None:
    """The extra is one of the distribution, whatever brings it."""
    assert "pip install 'llmops-acme[fast]'" == install_hint("fast", of="llmops-acme")
    installed_from(acme, "https://example.org/llmops_acme-1.2-py3-none-any.whl", archive_info={})
    assert "pip install 'llmops-acme[fast,slow]'" == install_hint("fast,slow", of="llmops-acme")


def test_an_editable_install_is_installed_again_from_its_checkout(acme: Path, tmp_path: Path) -> None:
    """The path may have spaces."""
    checkout = tmp_path / "a checkout"
    checkout.mkdir()
    installed_from(acme, checkout.as_uri(), dir_info={"editable": True})

    assert f"pip install -e '{checkout}[fast]'" == install_hint("fast", of="llmops-acme")


def test_an_install_from_a_folder_names_the_folder(acme: Path, tmp_path: Path) -> None:
    """Without `-e`, if it was installed without."""
    installed_from(acme, tmp_path.as_uri(), dir_info={})

    assert f"pip install '{tmp_path}[fast]'" == install_hint("fast", of="llmops-acme")


@pytest.mark.parametrize("content", ["{", '{"url": "file:///no/such/folder", "dir_info": {"editable": true}}'])
def test_a_checkout_that_is_gone_is_not_named(acme: Path, content: str) -> None:
    """Nor is one whose record cannot be read."""
    (acme / "direct_url.json").write_text(content, encoding="utf-8")

    assert "pip install 'llmops-acme[fast]'" == install_hint("fast", of="llmops-acme")


def test_a_distribution_that_is_not_installed_is_named() -> None:
    """A worker may see plugins that its environment lacks."""
    assert "pip install 'llmops-nowhere[fast]'" == install_hint("fast", of="llmops-nowhere")


def test_the_owner_is_the_distribution_and_the_plugin() -> None:
    """A plugin that was added in code has no distribution."""
    assert "acme 1 (plugin 'a')" == InstalledPlugin("a", "acme", "1").owner
    assert "plugin 'a'" == InstalledPlugin("a", "", "").owner


def test_a_plugin_is_named_alone_or_with_its_distribution() -> None:
    """Names of distributions are compared as pip compares them; those of plugins are not."""
    plugin = InstalledPlugin("metrics", "Acme_Metrics", "1")

    assert plugin.is_named_in(["other", "metrics"])
    assert plugin.is_named_in([" acme.metrics:metrics "])
    assert not plugin.is_named_in(["Metrics", "acme-metrics", "other:metrics", ""])
    assert not InstalledPlugin("metrics", "", "").is_named_in(["", ":metrics"])


def test_shipped_plugins_come_before_others(acme: Path) -> None:
    """In the order of their names; each has the version of its distribution."""
    (acme / "entry_points.txt").write_text("[llmops_sdk]\naaa = nowhere\n", encoding="utf-8")

    plugins = [plugin for _, plugin in installed_plugins("llmops_sdk")]

    own = [plugin.name for plugin in plugins if plugin.distribution == "llmops-sdk"]
    assert [*sorted(own), "aaa"] == [plugin.name for plugin in plugins]
    assert ("llmops-acme", "1.2") == (plugins[-1].distribution, plugins[-1].version)


def test_how_to_be_without_a_plugin_names_its_distribution() -> None:
    """One that was added in code has none."""
    assert "uninstall 'acme', or disable it with LLMOPS_DISABLE_PLUGINS=acme:a" == (
        InstalledPlugin("a", "acme", "1").how_to_drop
    )
    assert "disable one with LLMOPS_DISABLE_PLUGINS=a" == InstalledPlugin("a", "", "").how_to_drop


def test_what_is_installed_and_removed_later_is_seen(acme: Path) -> None:
    """The entry points are kept for the next look only while the search path stays as it is."""
    before = installed_plugins("llmops_sdk")
    other = acme.with_name("llmops_other-1.dist-info")
    other.mkdir()
    (other / "METADATA").write_text("Metadata-Version: 2.1\nName: llmops-other\nVersion: 1\n", encoding="utf-8")
    (other / "entry_points.txt").write_text("[llmops_sdk]\nother = nowhere\n", encoding="utf-8")
    with_other = installed_plugins("llmops_sdk")
    shutil.rmtree(other)

    assert ["other"] == [plugin.name for _, plugin in with_other if plugin not in [own for _, own in before]]
    assert before == installed_plugins("llmops_sdk")
