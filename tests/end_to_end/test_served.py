"""Whole runs of models that the run serves itself: what is compared, and that no server outlives the run."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml

from llmops_sdk import LocalStore, Pipeline, Progress, Result, StepFailedError, UserError, resume
from llmops_sdk.plugin import Registry

from ..plugins.openai.openai_server import OpenAIServer, openai_server
from ..plugins.served.stub_server import CAPITALS
from ..plugins.served.waiting import eventually

STUB = [sys.executable, str(Path(__file__).parents[1] / "plugins" / "served" / "stub_server.py"), "--port", "{port}"]
OWN_SERVER = f"{shlex.quote(sys.executable)} -m llmops_plugins.local.server.main --model {{model}} --name {{name}} --port {{port}}"


@pytest.fixture(name="server")
def _server() -> Iterator[OpenAIServer]:
    with openai_server() as server:
        yield server


@pytest.fixture(name="store")
def _store(home: Path, tmp_path: Path) -> LocalStore:  # noqa: ARG001 - its cache
    return LocalStore(tmp_path / "runs")


@pytest.fixture(name="questions")
def _questions(tmp_path: Path) -> Path:
    """A file with four questions."""
    path = tmp_path / "questions.jsonl"
    rows = [{"instruction": f"Capital of {country}?", "response": city} for country, city in CAPITALS.items()]
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture(name="capitals")
def _capitals(questions: Path) -> Pipeline:
    builder = Pipeline.builder("capitals").with_dataset("jsonl", path=str(questions))
    return builder.with_prompt("plain").with_evaluator("qa-accuracy")


@pytest.fixture(name="run")
def _run(store: LocalStore, registry: Registry) -> Callable[..., Result]:
    def run(pipeline: Pipeline, **options: Any) -> Result:
        return pipeline.run(store=store, registry=registry, progress=Progress(), **options)

    return run


def logs_of(folder: Path) -> list[Path]:
    """The logs of the servers of all runs."""
    return sorted(folder.rglob("server.log"))


def test_a_server_at_a_url_and_one_that_the_run_starts_are_compared(
    server: OpenAIServer, capitals: Pipeline, store: LocalStore, run: Callable[..., Result]
) -> None:
    """In one specification; a second run starts nothing and asks nothing."""
    before = set(psutil.Process().children(recursive=True))  # of other tests
    server.answer = lambda body: "Paris" if "France" in str(body) else "I do not know."
    pipeline = capitals.with_model("vllm/stub-1", name="there", base_url=server.url)
    pipeline = pipeline.with_model("served", name="here", command=[*STUB, "--name=capitals-1"], max_concurrency=2)

    result = run(pipeline)

    (board,) = result.leaderboards
    assert [("here", 1.0), ("there", 0.25)] == [
        (cell.candidate, cell.estimates["exact_match"].mean) for cell in board.cells
    ]
    assert {"capitals-1": 4} == board.cells[0].models
    assert board.cells[0].endpoint["command"].endswith("--port {port} --name=capitals-1")
    (log,) = logs_of(store.root)
    assert 4 == log.read_text().count("asked")
    asked = len(server.bodies)
    run(pipeline)
    assert (4, asked) == (log.read_text().count("asked"), len(server.bodies))
    assert [log] == logs_of(store.root)
    assert before >= set(psutil.Process().children(recursive=True))


@pytest.mark.slow
def test_base_and_fine_tuned_weights_are_passed_to_the_command(
    tiny_model: Path, questions: Path, store: LocalStore, run: Callable[..., Result]
) -> None:
    """Our own server as the command answers as it does as the deployer; of a fine-tuned model it gets the merged folder."""
    model = str(tiny_model)
    pipeline = Pipeline.builder("served").with_dataset("jsonl", path=str(questions), test_fraction=0.5)
    pipeline = (
        pipeline.with_prompt("chat")
        .with_prompt("plain")
        .with_evaluator("qa-accuracy")
        .with_generation(max_new_tokens=6)
    )
    pipeline = pipeline.with_model(
        "huggingface", name="local", weights=model, deployer={"device": "cpu", "dtype": "float32"}
    )
    pipeline = pipeline.with_model("served", name="base", model=model, command=OWN_SERVER)
    training = {"use": "lora", "max_steps": 2, "learning_rate": 0.05, "device": "cpu", "dtype": "float32"}
    pipeline = pipeline.with_model(
        "served", name="tuned", model=model, command=OWN_SERVER, trainer=training, prompts=["chat"]
    )

    result = run(pipeline)

    outputs = {
        cell.candidate: [sample.answer.output for sample in result.run.samples(cell.cell) if sample.answer]
        for cell in result.leaderboards[0].cells
    }
    assert 2 == len(outputs["local.chat"])
    assert outputs["local.chat"] == outputs["base.chat"]
    assert outputs["local.plain"] == outputs["base.plain"]
    assert outputs["base.chat"] != outputs["tuned"]
    endpoints = {cell.candidate: cell.endpoint for cell in result.leaderboards[0].cells}
    assert (tiny_model.name, f"{tiny_model.name}-tuned") == (
        endpoints["base.chat"]["served model"], endpoints["tuned"]["served model"]
    )  # fmt: skip
    assert endpoints["local.chat"]["weights"] == endpoints["base.chat"]["weights"]
    loaded = {path.read_text().partition("loaded ")[2].partition(":")[0] for path in logs_of(store.root)}
    merged = {str(path.parent) for path in store.root.rglob("artifacts/model/*/model/model.safetensors")}
    assert 1 == len(merged)
    assert {model} | merged <= loaded


def test_mistakes_are_found_before_anything_is_trained(
    tiny_model: Path, capitals: Pipeline, store: LocalStore, run: Callable[..., Result]
) -> None:
    """A program and weights that are not there, in one line; nothing was written."""
    training = {"use": "lora", "max_steps": 2}
    pipeline = capitals.with_model(
        "served", name="a", model=str(tiny_model), command="no-such-server {model} --port {port}", trainer=training
    )
    pipeline = pipeline.with_model("served", name="b", model="/no/weights", preset="vllm", program=sys.executable)

    with pytest.raises(UserError) as failure:
        run(pipeline)

    assert "nothing was started: " in str(failure.value)
    assert "there is no program 'no-such-server'; install it, or write its path" in str(failure.value)
    assert "there is no folder '/no/weights' with weights" in str(failure.value)
    assert [] == list(store.root.rglob("*.jsonl"))


def test_a_server_that_ends_while_it_is_asked_fails_its_step(
    capitals: Pipeline,
    store: LocalStore,
    registry: Registry,
    run: Callable[..., Result],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With its exit code and last log lines; what it answered is kept, and resuming asks the rest."""
    monkeypatch.setenv("STUB_EXIT_AT", "3")
    with pytest.raises(StepFailedError) as failure:
        run(capitals.with_model("served", name="here", command=STUB, max_concurrency=1))
    assert "the command exited with code 5 while it was asked; command: " in str(failure.value)
    assert "last log lines: " in str(failure.value)
    assert "out of memory" in str(failure.value)
    monkeypatch.delenv("STUB_EXIT_AT")
    result = resume("latest", store=store, registry=registry, progress=Progress())
    assert 4 == result.leaderboards[0].cells[0].answered
    (log,) = logs_of(store.root)
    assert 2 + 2 == log.read_text().count("asked")


def test_a_secret_of_the_server_is_in_no_file(
    capitals: Pipeline, store: LocalStore, run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor in its log, where it prints it; one that is not set is found before the run."""
    pipeline = capitals.with_model("served", name="here", command=STUB, env={"STUB_TOKEN": "env:TEAM_TOKEN"})
    monkeypatch.delenv("TEAM_TOKEN", raising=False)
    with pytest.raises(UserError, match="the environment variable 'TEAM_TOKEN' is not set"):
        run(pipeline)
    monkeypatch.setenv("TEAM_TOKEN", "hf-a-very-secret-token")
    run(pipeline)
    (log,) = logs_of(store.root)
    assert "my token is ***" in log.read_text()
    for path in store.root.rglob("*"):
        assert path.is_dir() or b"hf-a-very-secret-token" not in path.read_bytes(), path


@pytest.mark.parametrize(
    ("number", "code"),
    [
        pytest.param(signal.SIGKILL, -9, marks=pytest.mark.slow),
        pytest.param(signal.SIGINT, 130, marks=pytest.mark.slow),
        pytest.param(signal.SIGTERM, 143, marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize("workers", [1, 2])
def test_no_server_outlives_a_run_that_is_ended(
    number: int, code: int, workers: int, questions: Path, tmp_path: Path
) -> None:
    """Nor anything that it started, in steps of this process or of child processes; `llmops gc` and resuming then work."""
    models = [
        {"use": "served", "name": name, "command": [*STUB, "--children", f"--name={name}"]} for name in ("one", "two")
    ]
    specification = {
        "name": "ended", "datasets": [{"use": "jsonl", "path": str(questions)}], "prompts": ["plain"], "models": models,
        "evaluators": ["qa-accuracy"], "executor": {"use": "local", "workers": workers},
    }  # fmt: skip
    (tmp_path / "ended.yaml").write_text(yaml.safe_dump(specification), encoding="utf-8")
    with _llmops(tmp_path, "run", "ended.yaml", STUB_SECONDS="600") as client:
        try:
            eventually(lambda: workers == sum("asked" in log.read_text() for log in logs_of(tmp_path)), seconds=200)
            below = psutil.Process(client.pid).children(recursive=True)
            # Of each server: its supervisor, itself, its child and, where orphans are adopted, the one in another session.
            assert len(below) >= 3 * workers
        finally:
            client.send_signal(number)
        error = client.communicate(timeout=100)[1]
    assert code == client.returncode, error
    assert [] == psutil.wait_procs(below, timeout=60)[1]
    with _llmops(tmp_path, "gc", "--offline") as gc:
        printed, error = gc.communicate(timeout=100)
    assert 0 == gc.returncode, error
    # Only a run whose own process asks, and is killed, cannot write that the server is gone.
    assert ("deleted" if (number, workers) == (signal.SIGKILL, 1) else "runs left nothing behind") in printed
    with _llmops(tmp_path, "run", "--resume", "latest", "-q") as resumed:
        error = resumed.communicate(timeout=200)[1]
    assert 0 == resumed.returncode, error


def _llmops(folder: Path, *arguments: str, **variables: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "llmops_sdk.cli.main", *arguments],
        cwd=folder,
        env={**os.environ, "LLMOPS_HOME": str(folder / "home"), "PYTHONWARNINGS": "ignore", **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
