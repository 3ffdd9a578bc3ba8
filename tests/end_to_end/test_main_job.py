"""The main job on a tiny model: fine-tune, serve, ask, score, decide; interrupted and killed at the worst moments."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml

from llmops_sdk import Pipeline, Progress
from llmops_sdk.record.lines import read_journal_line
from llmops_sdk.record.local_store import LocalStore
from llmops_sdk.record.run import Run
from llmops_sdk.values.step_records import Succeeded

DEADLINE = 240.0


@pytest.fixture(name="specification")
def _specification(tiny_model: Path, tmp_path: Path) -> Path:
    """The quickstart on a tiny model, with scores that need no assets."""
    tiny = {"use": "huggingface", "weights": str(tiny_model)}
    endless = {"epochs": 2, "batch_tokens": 1024, "max_length": 512, "held_out": 4, "checkpoint_steps": 1}
    spec = {
        "name": "tiny",
        "datasets": [
            {"use": "sample", "test_fraction": 0.2, "seed": 1, "max_train_records": 60, "max_test_records": 12}
        ],
        "prompts": ["plain"],
        "models": [{**tiny, "name": "base", "fine_tune": False}, {**tiny, "name": "tuned", "trainer": endless}],
        "generation": {"max_new_tokens": 12},
        "evaluators": [{"use": "qa-accuracy", "metrics": ["f1", "recall_over_words"]}],
    }
    path = tmp_path / "tiny.yaml"
    path.write_text(yaml.safe_dump(spec), encoding="utf-8")
    return path


def start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    """Start `llmops` in a folder."""
    environment = {**os.environ, "LLMOPS_HOME": str(folder / "home"), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, "-m", "llmops_sdk.cli.main", *arguments],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_until(check: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    """Wait until a check succeeds; fail if the process ends first."""
    ticks, until = threading.Event(), time.monotonic() + DEADLINE
    while not check():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
        ticks.wait(0.02)


def children_of(process: subprocess.Popen[str]) -> list[psutil.Process]:
    """The processes that a process has started."""
    return psutil.Process(process.pid).children(recursive=True)


def has_checkpoint(folder: Path) -> bool:
    """Whether the training has left a checkpoint."""
    return any((folder / "llmops-runs" / "artifacts" / "model").glob("*/checkpoint*"))


def answers(folder: Path) -> set[bytes]:
    """The complete lines of the journals, as the file of all answers has them."""
    segments = (folder / "llmops-runs" / "artifacts" / "generations").glob("*/segments/*.jsonl")
    lines = [line for path in segments for line in path.read_bytes().splitlines(keepends=True)]
    return {read_journal_line(line)[1] for line in lines if line.endswith(b"\n")}


@pytest.mark.slow  # a training and two servers, each of which loads torch
def test_the_main_job(specification: Path, tmp_path: Path) -> None:
    """One command trains, serves, asks, scores and decides; the record has the training's loss curve and the samples."""
    done = start(tmp_path, "run", str(specification), "--json")
    out, err = done.communicate(timeout=DEADLINE)
    assert done.returncode == 0, err
    results = json.loads(out)

    (board,) = results["leaderboards"]
    tuned = next(cell for cell in board["cells"] if cell["candidate"] == "tuned")
    metrics = tuned["training"]["metrics"]
    assert metrics["held_out_loss_after"] < metrics["held_out_loss_before"]
    assert len(tuned["training"]["curve"]) >= metrics["steps"] > 0
    assert all(cell["answered"] == cell["records"] == 12 for cell in board["cells"])
    assert board["verdict"]["text"]
    run = Run.open(LocalStore(tmp_path / "llmops-runs"), "latest")
    samples = list(run.samples("tuned.plain.sample"))
    assert 12 == len(samples)
    assert all(set(sample.scores) == {"f1", "recall_over_words"} for sample in samples)
    assert "<html" in (tmp_path / "llmops-runs" / "runs" / run.id / "report.html").read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_main_job_on_dolly(specification: Path, tmp_path: Path, real_data: Callable[[str], Path]) -> None:
    """The same pipeline on real Dolly records: those too long for the model are reported and counted, the others answered."""
    dolly = {"use": "dolly", "path": str(real_data("dolly/dolly_mix_390.jsonl")), "test_fraction": 0.1, "seed": 42}
    spec = yaml.safe_load(specification.read_text(encoding="utf-8"))
    spec["datasets"] = [{**dolly, "max_train_records": 40}]
    spec["prompts"] = ["alpaca"]
    specification.write_text(yaml.safe_dump(spec), encoding="utf-8")

    done = start(tmp_path, "run", str(specification), "--json")
    out, err = done.communicate(timeout=DEADLINE)
    assert done.returncode == 0, err

    (board,) = json.loads(out)["leaderboards"]
    run = Run.open(LocalStore(tmp_path / "llmops-runs"), "latest")
    assert "dolly" == board["dataset"]
    for cell in board["cells"]:
        samples = list(run.samples(cell["cell"]))
        failed = [sample for sample in samples if sample.error]
        assert 25 == cell["records"] == len(samples)
        assert cell["answered"] == len(samples) - len(failed)
        assert len(samples) == cell["estimates"]["f1"]["records"]  # a failed answer counts as the worst score
        assert all("1024" in sample.error for sample in failed)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_model_alone_is_a_complete_program(
    tiny_model: Path,
    asset: Callable[[str], Path],
    assets_home: Path,
    real_data: Callable[[str], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """`with_model("smollm2").run()` fine-tunes on Dolly's summaries, deploys, scores and decides.

    Here Dolly is a file of which a few records are asked, and the weights are tiny; everything else is the default.
    """
    for name in ("wordnet", "punkt-tab", "minilm"):
        asset(name)
    monkeypatch.setenv("LLMOPS_HOME", str(assets_home))
    alone = Pipeline.builder().with_model("smollm2").build(offline=True)
    changed: dict[str, Any] = {"path": str(real_data("dolly/dolly_mix_390.jsonl")), "max_test_records": 6}

    result = (
        Pipeline.builder()
        .with_dataset("dolly", **changed)
        .with_model("smollm2", weights=str(tiny_model))
        .run(store=tmp_path / "runs", offline=True, progress=Progress())
    )

    plan = result.run.plan
    for part in ("steps", "cells", "prompts", "evaluators", "generation", "metric", "executor"):
        assert getattr(alone, part) == getattr(plan, part)
    assert {**alone.datasets[0].options, **changed} == plan.datasets[0].options
    assert alone.models[0].trainer == plan.models[0].trainer
    assert () == result.failures
    (board,) = result.leaderboards
    (cell,) = board.cells
    assert ("dolly", "smollm2", "chat", True) == (board.dataset, cell.candidate, cell.prompt, cell.fine_tuned)
    assert cell.training is not None
    assert cell.training.metrics["held_out_loss_after"] < cell.training.metrics["held_out_loss_before"]
    assert {"rougeL", "meteor", "bertscore"} <= cell.estimates.keys()
    assert cell.candidate == board.verdict.best


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("number", "code", "moment"),
    [
        pytest.param(signal.SIGKILL, -signal.SIGKILL, "training", marks=pytest.mark.slow),
        pytest.param(signal.SIGTERM, 143, "asking", marks=pytest.mark.slow),
        *(
            pytest.param(number, code, moment, marks=pytest.mark.rare(reason="a minute each"))
            for number, code, moment in (
                (signal.SIGKILL, -signal.SIGKILL, "asking"),
                (signal.SIGTERM, 143, "training"),
                (signal.SIGINT, 130, "training"),
                (signal.SIGINT, 130, "asking"),
                (signal.SIGHUP, 129, "training"),
                (signal.SIGHUP, 129, "asking"),
            )
        ),
    ],
)
def test_an_ended_run_leaves_no_process_and_can_be_resumed(
    number: int, code: int, moment: str, specification: Path, tmp_path: Path
) -> None:
    """The trainer and the server end with it; training continues from its checkpoint, and no kept answer is asked again."""
    records = 12
    if (
        moment == "asking"
    ):  # long answers, more than fit into one batch: there are seconds between the first and the last
        records = 40
        spec = yaml.safe_load(specification.read_text(encoding="utf-8"))
        spec["datasets"][0]["max_test_records"] = records
        spec["generation"] = {"max_new_tokens": 300}
        specification.write_text(yaml.safe_dump(spec), encoding="utf-8")
    process = start(tmp_path, "run", str(specification))
    wait_until(lambda: has_checkpoint(tmp_path) if moment == "training" else bool(answers(tmp_path)), process)
    children = children_of(process)
    process.send_signal(number)
    _, err = process.communicate(timeout=DEADLINE)

    assert code == process.returncode, err
    assert "Traceback" not in err
    assert (number == signal.SIGKILL) == ("resume with: llmops run --resume tiny-" not in err)
    _, alive = psutil.wait_procs(children, timeout=30)
    assert [] == alive
    kept = answers(tmp_path)
    assert moment == "training" or 0 < len(kept) < records

    out, err = start(tmp_path, "gc", "--offline").communicate(timeout=DEADLINE)
    assert ("1 deleted" if number == signal.SIGKILL and moment == "asking" else "runs left nothing behind") in out, err
    again = start(tmp_path, "run", "--resume", "latest", "--json")
    out, err = again.communicate(timeout=DEADLINE)
    assert again.returncode == 0, err
    cells = json.loads(out)["leaderboards"][0]["cells"]
    assert [records, records] == [cell["answered"] for cell in cells]
    files = (tmp_path / "llmops-runs" / "artifacts" / "generations").glob("*/final/generations.jsonl")
    lines = {line for path in files for line in path.read_bytes().splitlines(keepends=True)}
    assert kept <= lines  # including their latencies: they were not asked again
    run = Run.open(LocalStore(tmp_path / "llmops-runs"), "latest")
    assert all(isinstance(run.record(step.name), Succeeded) for step in run.plan.steps)


@pytest.mark.slow
def test_a_script_without_a_main_block_works(specification: Path, tmp_path: Path) -> None:
    """Children start from a module of the package, so a user's script needs no `if __name__ == "__main__"`."""
    script = tmp_path / "mine.py"
    program = """
        from llmops_sdk import Pipeline
        print("once")
        few = ("models.1.trainer.max_steps=2", "datasets.0.max_test_records=6")
        result = Pipeline.from_yaml("tiny.yaml", overrides=few).run()
        print("best:", result.decision().best)
    """
    script.write_text(textwrap.dedent(program), encoding="utf-8")
    environment = {**os.environ, "LLMOPS_HOME": str(tmp_path / "home"), "OMP_NUM_THREADS": "1"}

    done = subprocess.run(
        [sys.executable, str(script)],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=True,
    )

    assert 1 == done.stdout.count("once")
    assert "best: " in done.stdout
    assert specification.exists()


@pytest.mark.slow
def test_parallel_steps_give_the_same_results(specification: Path, tmp_path: Path) -> None:
    """With two workers, heavy steps run in child processes at the same time; the results do not change."""
    results = []
    for store, options in (("one", []), ("two", ["--set", "executor={use: local, workers: 2}"])):
        few = ("--set", "models.1.trainer.max_steps=2", "--set", "datasets.0.max_test_records=6")
        done = start(tmp_path, "run", str(specification), "--json", "--store", store, *few, *options)
        out, err = done.communicate(timeout=DEADLINE)
        assert done.returncode == 0, err
        results.append([(cell["candidate"], cell["estimates"]) for cell in json.loads(out)["leaderboards"][0]["cells"]])

    assert results[0] == results[1]
