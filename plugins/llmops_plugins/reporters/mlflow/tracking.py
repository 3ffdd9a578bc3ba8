"""Writing entries to MLflow: what an earlier report of the same run wrote is updated, and the rest is created."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import attrs

from llmops_plugins.reporters.mlflow.entries import PART_TAG, RUN_TAG, Entry
from llmops_plugins.reporters.mlflow.options import OWN_TAGS
from llmops_plugins.reporters.mlflow.samples import TABLE

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run as MlflowRun

_MOST_POINTS = 1000
_MOST_TEXTS = 100
"""What one request may have of metrics, and of params or tags."""

_PAGE = 1000
_CONTEXT = ("mlflow.data.context", "evaluation")
_SHOWN_AS_TABLE = ("mlflow.loggedArtifacts", json.dumps([{"path": TABLE, "type": "table"}]))
_Item = TypeVar("_Item")


@attrs.frozen
class Tracking:
    """The entries of one run in an experiment.

    Attributes:
        client: Reaches the server.
        experiment: The experiment's ID.
        run_id: The run whose entries they are.
        runs: What an earlier report wrote: part to the run of MLflow.
    """

    client: MlflowClient
    experiment: str
    run_id: str
    runs: dict[str, MlflowRun] = attrs.field(factory=dict, init=False)

    def find(self) -> None:
        """Look up what an earlier report wrote."""
        query, token = f"tags.`{RUN_TAG}` = '{self.run_id}'", None
        while True:
            page = self.client.search_runs([self.experiment], query, max_results=_PAGE, page_token=token)
            self.runs.update({run.data.tags.get(PART_TAG, ""): run for run in page})
            token = page.token
            if not token:
                return

    def write(self, entry: Entry, folder: Path | None = None) -> str:
        """Write an entry, and return the ID of its run of MLflow.

        It is marked as running until all of it is written.

        Args:
            entry: The entry; the one that it is nested in was written before.
            folder: A folder with its artifacts, or None.
        """
        from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, RunTag

        run_id = self._running(entry)
        for texts in _chunks(list(entry.tags.items()), _MOST_TEXTS):
            self.client.log_batch(run_id, tags=[RunTag(name, text) for name, text in texts])
        for texts in _chunks(list(entry.params.items()), _MOST_TEXTS):
            self.client.log_batch(run_id, params=[Param(name, text) for name, text in texts])
        for points in _chunks(entry.points, _MOST_POINTS):
            self.client.log_batch(run_id, metrics=[Metric(p.name, p.value, p.at, p.step) for p in points])
        if entry.data:
            used = [
                Dataset(data.name, data.digest, "llmops-sdk", data.source, profile=f'{{"num_rows": {data.records}}}')
                for data in entry.data
            ]
            self.client.log_inputs(run_id, [DatasetInput(dataset, [InputTag(*_CONTEXT)]) for dataset in used])
        if folder is not None:
            self.client.log_artifacts(run_id, str(folder))
            if (folder / TABLE).exists():
                self.client.set_tag(run_id, *_SHOWN_AS_TABLE)
        self.client.set_terminated(run_id, "FAILED" if entry.has_failed else "FINISHED", entry.ended)
        return run_id

    def _running(self, entry: Entry) -> str:
        """Return the ID of the entry's run of MLflow, marked as running."""
        known = self.runs.get(entry.part)
        if known is None:
            parent = {"mlflow.parentRunId": self.runs[entry.parent].info.run_id} if entry.parent else {}
            tags = {**entry.tags, **parent}
            known = self.client.create_run(self.experiment, entry.started, tags, entry.name)
            self.runs[entry.part] = known
            return str(known.info.run_id)
        run_id = str(known.info.run_id)
        self.client.update_run(run_id, status="RUNNING", name=entry.name)
        for name in known.data.tags:
            if name.startswith(OWN_TAGS) and name not in entry.tags:
                self.client.delete_tag(run_id, name)
        return run_id


def _chunks(items: Sequence[_Item], size: int) -> Iterator[Sequence[_Item]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
