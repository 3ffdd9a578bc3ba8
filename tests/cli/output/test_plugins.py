"""The index of plugins, and one entry, as they are printed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from llmops_sdk.cli.main import main
from llmops_sdk.cli.output.plugins import plugins_json, show_cards, show_index
from llmops_sdk.plugin import EvaluatorCard
from llmops_sdk.plugin.installed import InstalledPlugin
from llmops_sdk.plugin.registry import Offer

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


FILE = '''
from pathlib import Path
from llmops_sdk import dataset, metric


@metric
def brevity(output: str, reference, *, limit: int = 3, names: list[str] = []):
    """Words beyond the limit.

    And more.
    """


@dataset
def tickets(*, path: Path):
    return []
'''


@pytest.fixture(name="_in_folder")
def _in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine.py").write_text(FILE, encoding="utf-8")
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("_in_folder")
def test_a_file_is_listed_with_what_its_functions_ask_for(capsys: pytest.CaptureFixture[str]) -> None:
    """Each with its reference, its first line, and its options with types and defaults."""
    assert 0 == main(["plugins", "./mine.py"])

    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert "./mine.py:brevity  (metric)" in lines
    assert "Words beyond the limit." in lines
    assert "asks for  output, reference" in lines
    assert "option    limit: int = 3" in lines
    assert "option    names: list[str] = []" in lines
    assert "./mine.py:tickets  (dataset)" in lines
    assert "asks for  nothing" in lines
    assert "option    path: Path" in lines


@pytest.mark.usefixtures("_in_folder")
def test_one_function_can_be_read_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    """An option without a default has none."""
    assert 0 == main(["plugins", "mine.py:tickets", "--json"])

    expected = {
        "kind": "dataset",
        "use": "mine.py:tickets",
        "summary": "",
        "asks_for": [],
        "options": [{"name": "path", "type": "Path"}],
    }
    assert [expected] == json.loads(capsys.readouterr().out)


@pytest.mark.usefixtures("_in_folder")
@pytest.mark.parametrize(
    ("use", "message"),
    [
        ("mine.py:brevits", "'mine.py' has no function 'brevits' that is marked; did you mean 'brevity'?"),
        ("empty.py", "'empty.py' has no function that is marked with @metric, @dataset, @prompt, @target"),
        ("gone.py", "there is no file"),
    ],
)
def test_what_is_missing_is_named(use: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A mistake of the user, in one line."""
    Path("empty.py").touch()

    assert 2 == main(["plugins", use])
    assert message in capsys.readouterr().err
