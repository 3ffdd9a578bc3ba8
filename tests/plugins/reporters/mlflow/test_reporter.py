"""The reporter `mlflow` against a real server, which is asked over its REST API."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import attrs
import httpx
import pytest

from llmops_sdk import LocalStore, Pipeline, Progress, Registry, Result, Run

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]  # the first one installs MLflow


@attrs.frozen
class Server:
    """What an MLflow server has, by its REST API."""

    url: str

    def get(self, path: str, **parameters: str) -> Any:
        reply = httpx.get(f"{self.url}/api/2.0/mlflow/{path}", params=parameters, trust_env=False)
        return reply.raise_for_status().json()

    def runs(self, experiment: str) -> dict[str, Any]:
        """Return the runs of an experiment by their names."""
        found = self.get("experiments/get-by-name", experiment_name=experiment)["experiment"]["experiment_id"]
        query = {"experiment_ids": [found], "max_results": 100}
        reply = httpx.post(f"{self.url}/api/2.0/mlflow/runs/search", json=query, trust_env=False)
        return {run["info"]["run_name"]: run for run in reply.raise_for_status().json()["runs"]}

    def artifact(self, run: Any, path: str) -> bytes:
        query = {"run_uuid": run["info"]["run_id"], "path": path}
        return httpx.get(f"{self.url}/get-artifact", params=query, trust_env=False).raise_for_status().content

    def artifacts(self, run: Any) -> set[str]:
        return {file["path"] for file in self.get("artifacts/list", run_id=run["info"]["run_id"]).get("files", [])}


class Lines(Progress):
    """Keeps the lines that are logged."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def log(self, text: str) -> None:
        self.lines.append(text)


@pytest.fixture(name="server")
def _server(mlflow_server: str) -> Server:
    return Server(mlflow_server)


def _pairs(run: Any, what: str) -> dict[str, Any]:
    return {pair["key"]: pair["value"] for pair in run["data"].get(what, [])}


def test_a_run_is_in_mlflow_with_its_candidates(
    server: Server, pipeline: Pipeline, registry: Registry, tmp_path: Path
) -> None:
    """Nested runs with params, metrics, curves and files; called by the run itself, its line has the address."""
    progress = Lines()
    reported = pipeline.with_reporter("mlflow", tracking_uri=server.url, tags={"team": "search"})

    result = reported.run(store=tmp_path, registry=registry, progress=progress)

    runs = server.runs("voices")
    parent, base = runs[result.run.id], runs["base"]
    assert {result.run.id, "base", "tuned", "tuned (seed 1)", "tuned (seed 2)", "broken"} == set(runs)
    assert {parent["info"]["run_id"]} == {
        _pairs(runs[name], "tags")["mlflow.parentRunId"] for name in ("base", "tuned", "broken")
    }
    (line,) = [line for line in progress.lines if "mlflow" in line]
    experiment, run_id = parent["info"]["experiment_id"], parent["info"]["run_id"]
    assert f"  mlflow: {server.url}/#/experiments/{experiment}/runs/{run_id}" == line
    board = result.leaderboards[0]
    assert board.cells[0].estimates[board.metric].mean == pytest.approx(_pairs(base, "metrics")[board.metric])
    assert {"model": "base", "prompt": "bare"}.items() <= _pairs(base, "params").items()
    assert "FAILED" == runs["broken"]["info"]["status"]
    assert {"search"} == {_pairs(run, "tags")["team"] for run in runs.values()}
    assert {"results.json", "report.html", "specification.yaml"} == server.artifacts(parent)
    assert result.run.id == json.loads(server.artifact(parent, "results.json"))["run_id"]
    assert {"samples.jsonl", "samples.json"} == server.artifacts(base)
    assert 3 == len(server.artifact(base, "samples.jsonl").splitlines())
    assert [{"path": "samples.json", "type": "table"}] == json.loads(_pairs(base, "tags")["mlflow.loggedArtifacts"])
    assert ["lines"] == [used["dataset"]["name"] for used in base["inputs"]["dataset_inputs"]]
    curve = server.get("metrics/get-history", run_id=runs["tuned (seed 1)"]["info"]["run_id"], metric_key="train/loss")
    assert [(1, 1.0)] == [(point["step"], point["value"]) for point in curve["metrics"]]


def test_a_report_can_be_repeated(server: Server, voices: Run) -> None:
    """It changes nothing; without the samples, no text is sent."""
    options = {"tracking_uri": server.url, "experiment": "repeated", "log_samples": False}

    Result(voices).report_as("mlflow", **options)
    first = server.runs("repeated")
    Result(voices).report_as("mlflow", **options)

    assert 1 == len(first["base"]["inputs"]["dataset_inputs"])
    assert first == server.runs("repeated")
    assert {"results.json", "specification.yaml"} == server.artifacts(first[voices.id])
    assert set() == server.artifacts(first["base"])


def test_an_unreachable_server_is_a_warning_that_says_how_to_repeat_it(
    server: Server, pipeline: Pipeline, registry: Registry, tmp_path: Path
) -> None:
    """The run is complete within seconds, and the report follows when the server is there."""
    progress = Lines()
    start = time.monotonic()
    reported = pipeline.with_reporter("mlflow", tracking_uri="http://127.0.0.1:9", experiment="late")

    run = reported.run(store=tmp_path, registry=registry, progress=progress).run

    assert time.monotonic() - start < 30
    (warning,) = [line for line in progress.lines if line.startswith("warning")]
    assert warning.startswith("warning: reporter 'mlflow' failed: MLflow at 'http://127.0.0.1:9': it does not answer: ")
    assert warning.endswith(f"call it again with: llmops report {run.id} --as mlflow")
    assert run.has_results
    Result(Run.open(LocalStore(tmp_path), run.id)).report_as("mlflow", tracking_uri=server.url)
    assert run.id in server.runs("late")
