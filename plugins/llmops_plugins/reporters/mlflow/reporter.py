"""Reporting a run to MLflow: what it is made of, then the server, then what is written there."""

from __future__ import annotations

import json
from pathlib import Path

from llmops_plugins.reporters.mlflow.entries import PIPELINE, Entry, make_entries
from llmops_plugins.reporters.mlflow.options import MlflowOptions
from llmops_plugins.reporters.mlflow.samples import Amounts, write_samples
from llmops_plugins.reporters.mlflow.server import connected, tracking_uri
from llmops_plugins.reporters.mlflow.tracking import Tracking
from llmops_sdk.plugin import Context, Reporter, Run, report_run, to_json

_SPECIFICATION = "specification.yaml"


class MlflowReporter(Reporter):
    """Writes a run and its candidates to an MLflow server; a repeated report updates what the first one wrote."""

    options: MlflowOptions

    def report(self, context: Context, run: Run) -> None:
        uri = tracking_uri(self.options.tracking_uri, offline=context.offline)
        run.results()  # a run without results is refused before anything is sent
        with connected(uri, self.options.experiment or run.plan.name) as (client, experiment):
            amounts = self._write_files(run, context.folder)
            tracking = Tracking(client, experiment, run.id)
            tracking.find()
            ids = {
                entry.part: tracking.write(entry, _files_of(entry, context.folder))
                for entry in make_entries(run, amounts, self.options.tags)
            }
        page = f"{uri.rstrip('/')}/#/experiments/{experiment}/runs/" if uri.startswith("http") else ""
        context.progress.log(f"  mlflow: {page}{ids[PIPELINE]}")

    def _write_files(self, run: Run, folder: Path) -> dict[str, Amounts]:
        """Write the artifacts; the report shows texts as the samples do, and is left out with them."""
        of_run, of_cells = _folder_of_run(folder), _folder_of_cells(folder)
        of_run.mkdir()
        of_cells.mkdir()
        results = json.dumps(to_json(run.results()), indent=2, ensure_ascii=False)
        (of_run / "results.json").write_text(results, encoding="utf-8")
        specification = run.read(_SPECIFICATION)
        if specification is not None:
            (of_run / _SPECIFICATION).write_bytes(specification)
        if self.options.log_samples:
            report_run(run, of_run / "report.html")
        return write_samples(run, of_cells if self.options.log_samples else None)


def _files_of(entry: Entry, folder: Path) -> Path | None:
    """Return the folder with the artifacts of an entry, or None where it has none."""
    if entry.part == PIPELINE:
        return _folder_of_run(folder)
    cell = _folder_of_cells(folder) / entry.cell
    return cell if entry.cell and cell.exists() else None


def _folder_of_run(folder: Path) -> Path:
    return folder / "run"


def _folder_of_cells(folder: Path) -> Path:
    return folder / "cells"
