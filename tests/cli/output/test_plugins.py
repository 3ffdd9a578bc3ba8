"""The index of plugins, and one entry, as they are printed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmops_sdk.cli.output.plugins import plugins_json, show_cards, show_index
from llmops_sdk.plugin import EvaluatorCard
from llmops_sdk.plugin.installed import InstalledPlugin
from llmops_sdk.plugin.registry import Offer

if TYPE_CHECKING:
    import pytest

PLUGIN = InstalledPlugin("near", "llmops-near", "1.0")


def offer(name: str, *, requires: tuple[str, ...] = ()) -> Offer:
    """Return what the plugin offers under a name."""
    return Offer(EvaluatorCard(name=name, summary="measures", load="near:Near", requires=requires), PLUGIN)


def test_summaries_are_aligned(capsys: pytest.CaptureFixture[str]) -> None:
    """A name that is wider than the column moves its own summary only."""
    show_index([offer("a"), offer("bb"), offer("c" * 50)], ())

    lines = capsys.readouterr().out.splitlines()
    assert ["evaluator", f"  {'a':<26}  measures", f"  {'bb':<26}  measures", f"  {'c' * 50}  measures"] == lines[:4]


def test_missing_packages_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    """And named in the line of their entry."""
    show_index([offer("a"), offer("b", requires=("json", "no_such"))], ())

    out = capsys.readouterr().out
    assert "  b  (needs no_such) measures" in out
    assert "1 of 2 need a package that is not installed" in out


def test_an_entry_shows_its_plugin(capsys: pytest.CaptureFixture[str]) -> None:
    """With the distribution and its version; several entries are separated by a blank line."""
    show_cards([offer("a"), offer("b")])

    out = capsys.readouterr().out
    assert 2 == out.count("plugin  near, of llmops-near 1.0")
    assert "no options\n\nb  (evaluator)" in out


def test_an_entry_shows_what_to_install(capsys: pytest.CaptureFixture[str]) -> None:
    """The extra is one of the distribution that offers the entry."""
    card = EvaluatorCard(name="a", summary="measures", load="near:Near", requires=("no_such",), extra="fast")
    show_cards([Offer(card, PLUGIN)])

    assert "no_such; install with: pip install 'llmops-near[fast]'" in capsys.readouterr().out


def test_broken_plugins_are_in_the_json() -> None:
    """With their problem."""
    broken = InstalledPlugin("far", "", "", "cannot be imported")

    *_, last = plugins_json([offer("a")], [PLUGIN, broken])

    assert {"kind": "broken", "name": "far", "problem": "cannot be imported"}.items() <= last.items()
