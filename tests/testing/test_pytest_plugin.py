"""The fixtures for pytest, in a session of their own, as a user's tests have them."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

PLUGIN = "llmops_sdk.testing.pytest_plugin"
TESTS = """
import os
from llmops_sdk.testing import CheckInputs
from llmops_sdk.plugin import EvaluatorCard, hookimpl

def test_home(llmops_home):
    assert os.environ["LLMOPS_HOME"] == str(llmops_home)
    assert list(llmops_home.iterdir()) == []

def test_context(llmops_context, llmops_home):
    assert llmops_context.folder.is_dir()
    assert llmops_context.home == llmops_home
    assert llmops_context.offline

def test_check(llmops_check):
    card = EvaluatorCard(name="own", summary="own", load="llmops_sdk.testing.evaluators:EchoScore")
    assert "seed" in llmops_check(card, CheckInputs()).cards[0].kept

def test_run(llmops_run):
    means = [cell.estimates["exact"].mean for cell in llmops_run().leaderboards[0].cells]
    assert means == [1.0, 0.0]

class Broken:
    @hookimpl
    def llmops_cards(self):
        return 1 / 0

def test_run_of_a_broken_plugin(llmops_run):
    llmops_run(plugins={"broken": Broken()})

def test_environment():
    assert os.environ["LLMOPS_HOME"] == "before"
"""


@pytest.mark.slow
def test_the_fixtures_work(tmp_path: Path) -> None:
    """A plugin that cannot be loaded fails the test with the reason; the environment is restored."""
    (tmp_path / "test_own.py").write_text(TESTS, encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "--rootdir",
        str(tmp_path),
        str(tmp_path),
    ]
    is_known = any(point.value == PLUGIN for point in entry_points(group="pytest11"))

    if not is_known:
        command += ["-p", PLUGIN]
    environment = {**os.environ, "LLMOPS_HOME": "before"}

    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    assert "1 failed, 5 passed" in done.stdout, done.stdout
    assert "plugin 'broken': ZeroDivisionError: division by zero" in done.stdout


def test_it_costs_a_session_nothing() -> None:
    """Importing it loads the two packages and nothing of them that takes time; pytest itself is loaded before."""
    program = (
        "import sys, time, pytest, pluggy\n"
        "before, start = set(sys.modules), time.perf_counter()\n"
        "import llmops_sdk.testing.pytest_plugin\n"
        "seconds = time.perf_counter() - start\n"
        "print(seconds, *sorted(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    _, *loaded = done.stdout.split()
    assert {name for name in loaded if name.startswith("llmops_")} <= {
        "llmops_sdk",
        "llmops_sdk.deprecations",
        "llmops_sdk.plugin",
        "llmops_sdk.plugin.hookspecs",
        "llmops_sdk.testing",
        "llmops_sdk.testing.pytest_plugin",
    }
    assert not {"attrs", "attr", "click", "jinja2", "httpx", "numpy"} & set(loaded)
