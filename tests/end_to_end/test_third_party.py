"""A real plugin package, built, installed into a virtual environment, and run from the command line."""

from __future__ import annotations

import json
import os
import site
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

import pytest

PACKAGE = Path(__file__).parents[1] / "third_party"

SPECIFICATION = """
name: lead
datasets: [weather]
prompts: [plain]
models:
  - {use: lead, name: three, fine_tune: false}
  - {use: lead, name: learned, fine_tune: true}
evaluators: [length-ratio]
reporters: [html, headline]
settings: {lead: {greeting: Good morning}}
"""


@pytest.fixture(name="python", scope="module")
def _python(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The interpreter of a new virtual environment with the plugin, and with what this environment has."""
    folder = tmp_path_factory.mktemp("third") / "venv"
    venv.create(folder, symlinks=True)
    (here,) = (folder / "lib").glob("python*/site-packages")
    ours = [path for path in site.getsitepackages() if Path(path).is_dir()]
    (here / "ours.pth").write_text(
        "".join(f"import site; site.addsitedir({path!r})\n" for path in ours), encoding="utf-8"
    )
    install = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        str(folder),
        "install",
        "-q",
        "--no-deps",
        "--no-build-isolation",
    ]
    subprocess.run([*install, "--disable-pip-version-check", "--no-index", str(PACKAGE)], check=True)
    return str(folder / "bin" / "python")


def llmops(python: str, folder: Path, *arguments: str, code: int = 0, **variables: str) -> str:
    """Run the command line in that environment, and return its standard output."""
    environment = {**os.environ, "LLMOPS_HOME": str(folder / "home"), **variables}
    command = [python, "-m", "llmops_sdk.cli.main", *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert code == done.returncode, done.stderr + done.stdout
    return done.stdout + (done.stderr if code else "")


@pytest.fixture(name="finished", scope="module")
def _finished(python: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    """A folder with a finished run of the plugin's components, and its results."""
    folder = tmp_path_factory.mktemp("finished")
    (folder / "lead.yaml").write_text(SPECIFICATION, encoding="utf-8")
    return folder, json.loads(llmops(python, folder, "run", "lead.yaml", "--json"))


def test_a_pipeline_of_third_party_components_runs(python: str, finished: tuple[Path, Any]) -> None:
    """Dataset, model, trainer, deployer, metric and reporter of another distribution; training has its own process."""
    folder, results = finished

    (board,) = results["leaderboards"]
    assert ["learned", "three"] == [cell["candidate"] for cell in board["cells"]]
    learned = board["cells"][0]
    assert 0.0 == learned["estimates"]["length_error"]["mean"]
    assert 2 == learned["training"]["metrics"]["keep"]
    assert os.getpid() != learned["training"]["metrics"]["process"]
    assert board["verdict"]["settled"]
    (record,) = (folder / "llmops-runs" / "runs").iterdir()
    assert ["Good morning", f"weather: {board['verdict']['text']}"] == (
        record / "headline.txt"
    ).read_text().splitlines()
    assert (record / "report.html").exists()
    assert "has a headline" in llmops(python, folder, "logs", "latest", "report.headline")


def test_the_list_names_the_distribution(python: str, tmp_path: Path) -> None:
    """`llmops plugins` shows third-party cards as it shows the shipped ones, with options and their distribution."""
    cards = {(card["kind"], card["name"]): card for card in json.loads(llmops(python, tmp_path, "plugins", "--json"))}

    for kind, name in (
        ("dataset", "weather"),
        ("model", "lead"),
        ("trainer", "lead-length"),
        ("evaluator", "length-ratio"),
        ("reporter", "headline"),
    ):
        assert ("llmops-lead", "1.0", "lead") == tuple(
            cards[kind, name][key] for key in ("distribution", "version", "plugin")
        )
    assert "llmops-sdk" == cards["dataset", "sample"]["distribution"]
    shown = llmops(python, tmp_path, "plugins", "model", "lead")
    assert "lead, of llmops-lead 1.0" in shown
    assert "sentences the untrained baseline keeps" in shown


def test_a_run_needs_the_plugin_it_was_planned_with(python: str, finished: tuple[Path, Any]) -> None:
    """Resuming the run without the plugin is an error that names the plugin and how to install it."""
    error = llmops(python, finished[0], "run", "--resume", "latest", code=2, LLMOPS_DISABLE_PLUGINS="lead")

    assert "the plan uses plugin 'lead', which is not installed: pip install llmops-lead==1.0" in error
