"""Without a network: the assets are enough for both summarization evaluators, and they make no request."""

from __future__ import annotations

import json
import runpy
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from llmops_plugins.fmeval.algorithms import SummarizationAccuracy
from llmops_plugins.fmeval.options import SummarizationAccuracyOptions
from llmops_plugins.metrics.bertscore.assets import MINILM_HUB_ID
from llmops_sdk.plugin import Answer, Context, Generation, Scored, TextPrompt

OFFLINE = runpy.run_path(str(Path(__file__).parents[3] / "end_to_end" / "test_offline.py"))
COMMIT = "1" * 40
ASSETS = ("wordnet", "punkt-tab", "minilm")
SPEC: dict[str, Any] = {**OFFLINE["ECHOES"], "evaluators": ["summarization-accuracy"]}


@pytest.fixture
def cut(tmp_path: Path) -> Path:
    """A folder that cuts off, to all but loopback, every Python process that has it as its PYTHONPATH."""
    folder = tmp_path / "cut"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(OFFLINE["CUT"], encoding="utf-8")
    return folder


@pytest.fixture
def machine(tmp_path: Path, cut: Path) -> Any:
    """A machine without a network, with the echo plugin and a fresh home."""
    installed = cut / "echo_plugin-1.0.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: echo-plugin\nVersion: 1.0\n", encoding="utf-8")
    (installed / "entry_points.txt").write_text("[llmops_sdk]\necho = llmops_sdk.testing\n", encoding="utf-8")
    return OFFLINE["Machine"](tmp_path, cut)


@pytest.fixture
def sources(tmp_path: Path, asset: Callable[[str], Path]) -> dict[str, str]:
    """Files that other tools left on the machine: NLTK's data, and MiniLM without a graph in Hugging Face's cache."""
    data = tmp_path / "nltk_data"
    for name in ("wordnet", "punkt-tab"):
        shutil.copytree(asset(name), data, dirs_exist_ok=True, ignore=shutil.ignore_patterns("asset.json"))
    cached = tmp_path / "hub/hub" / f"models--{MINILM_HUB_ID.replace('/', '--')}"
    (cached / "refs").mkdir(parents=True)
    (cached / "refs/main").write_text(COMMIT, encoding="ascii")
    snapshot = cached / "snapshots" / COMMIT
    shutil.copytree(asset("minilm"), snapshot, ignore=shutil.ignore_patterns("asset.json", "*.onnx"))
    return {"NLTK_DATA": str(data)}


@pytest.mark.slow
def test_a_fresh_home_is_filled_and_scores_without_a_network(machine: Any, sources: dict[str, str]) -> None:
    """`assets get --all` takes what is on the machine and builds the encoder's graph; the run builds nothing and makes no request."""
    done = machine.llmops(
        "assets", "get", "--all", "--offline", code=2, **sources
    )  # the others are not on this machine
    home = machine.folder / "home"
    for name in ASSETS:
        assert f"{name}: {home / 'assets' / name}" in done.stderr.splitlines()
        assert "not available" not in "".join(line for line in done.stderr.splitlines() if f"asset {name!r}" in line)
    (graph,) = (home / "assets/minilm").glob("*.onnx")
    built = graph.stat().st_mtime_ns
    shutil.rmtree(machine.folder / "hub")
    shutil.rmtree(machine.folder / "nltk_data")

    results = json.loads(machine.llmops("run", machine.write(SPEC), "--json").stdout)

    (board,) = results["leaderboards"]
    for cell in board["cells"]:
        assert dict.fromkeys(OFFLINE["DEFAULT_METRICS"], 4) == {
            name: estimate["records"] for name, estimate in cell["estimates"].items()
        }
    assert [graph] == list(home.rglob("*.onnx"))
    assert built == graph.stat().st_mtime_ns
    assert [] == machine.attempts


@pytest.mark.timeout(1800)  # the first test that needs FMEval's environment builds it
@pytest.mark.rare(reason="FMEval takes half a minute and more to be imported and to start Ray")
@pytest.mark.usefixtures("temporary")
def test_fmeval_itself_scores_without_a_network(
    context: Context, cut: Path, tmp_path: Path, fmeval_python: str
) -> None:
    """Cut off in all of its Python processes, Ray's workers too; nothing is left in the system's shared folders."""
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nPYTHONPATH="{cut}" exec "{fmeval_python}" "$@"\n')
    python.chmod(0o755)
    before = _shared()
    evaluator = SummarizationAccuracy(SummarizationAccuracyOptions(python=str(python), rouge_type="rougeL"))
    generations = [
        Generation(index, {"response": "Cats sleep a lot."}, TextPrompt("?", ""), Answer(f"Cat {index} sleeps."))
        for index in range(5)
    ]

    scores = list(evaluator.evaluate(context, iter(generations)))

    assert all(isinstance(score, Scored) for score in scores), scores
    assert 5 == len(scores)
    assert "evaluate" == evaluator.provenance(context)["run"]
    started = [line.partition(" process ")[2] for line in (cut / "proofs").read_text(encoding="utf-8").splitlines()]
    assert any("child.py" in line for line in started)
    assert any("worker.py" in line for line in started)
    assert any("default_worker.py" in line for line in started)
    assert not (cut / "attempts").exists(), (cut / "attempts").read_text(encoding="utf-8")
    until = time.monotonic() + 60  # other programs use these folders for moments
    while (left := _shared() - before) and time.monotonic() < until:
        time.sleep(0.5)
    assert set() == left


def _shared() -> set[Path]:
    """Return what may be left behind outside of all folders of the job: Ray's sessions and shared memory."""
    return {*Path("/tmp").glob("ray*"), *Path("/dev").glob("shm/*")}
