"""Writing entries to a real MLflow server."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import attrs
import pytest

from llmops_plugins.reporters.mlflow.entries import Entry, Point
from llmops_plugins.reporters.mlflow.server import connected
from llmops_plugins.reporters.mlflow.tracking import Tracking
from llmops_sdk import SpecError

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]  # the first one installs MLflow

ENTRY = Entry(
    part="pipeline",
    name="run-1",
    started=1_000_000,
    ended=2_000_000,
    tags={"llmops.run": "run-1", "llmops.part": "pipeline"},
    params={f"option.{number}": "x" * 400 for number in range(150)},
    points=tuple(Point(name="train/loss", value=1 / step, at=step, step=step) for step in range(1, 1501)),
)


@pytest.fixture(name="write")
def _write(mlflow_server: str, request: pytest.FixtureRequest) -> Callable[..., Any]:
    """Write entries into an experiment of this test, and return what MLflow has of them."""

    def write(*entries: Entry, folder: Path | None = None) -> Any:
        with connected(mlflow_server, request.node.name) as (client, experiment):
            tracking = Tracking(client, experiment, "run-1")
            tracking.find()
            for entry in entries:
                tracking.write(entry, folder)
            return {run.data.tags["llmops.part"]: run for run in client.search_runs([experiment])}, client

    return write


def test_more_than_one_request_may_have_is_written_in_several(write: Callable[..., Any], tmp_path: Path) -> None:
    """All params, all points of a curve, and files."""
    (tmp_path / "results.json").write_text("{}")

    runs, client = write(ENTRY, folder=tmp_path)

    run = runs["pipeline"]
    assert ENTRY.params == run.data.params
    assert 1500 == len(client.get_metric_history(run.info.run_id, "train/loss"))
    assert ["results.json"] == [file.path for file in client.list_artifacts(run.info.run_id)]
    assert ("FINISHED", 1_000_000, 2_000_000) == (run.info.status, run.info.start_time, run.info.end_time)


def test_an_entry_that_changed_is_updated(write: Callable[..., Any]) -> None:
    """A candidate that failed, and then has a result: tags that no longer hold are gone, those of users stay."""
    failed = attrs.evolve(
        ENTRY, has_failed=True, points=(), params={}, tags={**ENTRY.tags, "llmops.error": "no memory"}
    )
    runs, client = write(failed)
    assert "FAILED" == runs["pipeline"].info.status
    client.set_tag(runs["pipeline"].info.run_id, "reviewed", "yes")

    again, _ = write(attrs.evolve(ENTRY, name="renamed"))

    (run,) = again.values()
    assert runs["pipeline"].info.run_id == run.info.run_id
    assert ("FINISHED", "renamed") == (run.info.status, run.info.run_name)
    assert "yes" == run.data.tags["reviewed"]
    assert "llmops.error" not in run.data.tags


def test_the_same_entry_again_changes_nothing(write: Callable[..., Any]) -> None:
    """No run, and no point of a curve, is there twice."""
    child = attrs.evolve(
        ENTRY, part="lines/base", parent="pipeline", name="base", tags={**ENTRY.tags, "llmops.part": "lines/base"}
    )
    first, _ = write(ENTRY, child)

    second, client = write(ENTRY, child)

    assert {part: run.info.run_id for part, run in first.items()} == {
        part: run.info.run_id for part, run in second.items()
    }
    assert first["pipeline"].info.run_id == second["lines/base"].data.tags["mlflow.parentRunId"]
    assert 1500 == len(client.get_metric_history(second["lines/base"].info.run_id, "train/loss"))


def test_an_experiment_that_was_deleted_is_named(write: Callable[..., Any]) -> None:
    """MLflow keeps the names of deleted experiments."""
    runs, client = write(ENTRY)
    client.delete_experiment(runs["pipeline"].info.experiment_id)

    with pytest.raises(SpecError, match=r"is deleted; restore it in MLflow, or name another one$"):
        write(ENTRY)


def test_a_run_that_was_deleted_is_written_again(write: Callable[..., Any]) -> None:
    """The deleted one stays deleted."""
    runs, client = write(ENTRY)
    client.delete_run(runs["pipeline"].info.run_id)

    again, _ = write(ENTRY)

    assert runs["pipeline"].info.run_id != again["pipeline"].info.run_id


def test_plugins_of_mlflow_find_the_address(mlflow_server: str) -> None:
    """The one for SageMaker reads it from there, not from the client, when it signs a request."""
    with connected(mlflow_server, "address"):
        assert mlflow_server == import_module("mlflow").get_tracking_uri()
