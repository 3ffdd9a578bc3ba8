"""The reporter `s3`: the tables of every run below one prefix, with the manifests by which QuickSight reads all of them."""

from __future__ import annotations

import json

import attrs

from llmops_plugins.sagemaker.store import S3Store
from llmops_plugins.sagemaker.tables.options import S3Options
from llmops_sdk.plugin import Context, Progress, Reporter, Run, UserError

SCORES, CANDIDATES = "scores", "candidates"


class S3Reporter(Reporter):
    """Writes `scores/RUN.csv` and `candidates/RUN.csv`, and a manifest for each of the two folders.

    The files are those of the reporter `table`. An object in S3 appears as a whole, and the manifests come last.
    """

    options: S3Options

    def report(self, context: Context, run: Run) -> None:
        if context.offline:
            message = "S3 needs the network, but this run is offline: call the reporter again without --offline"
            raise UserError(message)
        store = S3Store(self.options.uri, context.settings)
        ending = self.options.format
        files = {name: context.folder / name / f"{run.id}.{ending}" for name in (SCORES, CANDIDATES)}
        table = context.make("reporter", "table", {"path": str(files[SCORES]), "candidates": str(files[CANDIDATES])})
        table.report(attrs.evolve(context.for_card("reporter", "table"), progress=Progress()), run)
        for name, file in files.items():
            store.upload(file.parent, name)
            context.progress.log(f"wrote {store.locate(f'{name}/{file.name}')}")
        if ending == "csv":
            for name in files:
                manifest = f"{name}.manifest.json"
                store.put(manifest, json.dumps(_manifest(store.locate(f"{name}/")), indent=2).encode())
                context.progress.log(f"wrote {store.locate(manifest)}")


def _manifest(prefix: str) -> dict[str, object]:
    """Return the manifest of all CSV files with a prefix, in QuickSight's form.

    Source: "Supported formats for Amazon S3 manifest files" in the user guide of QuickSight.
    """
    return {
        "fileLocations": [{"URIPrefixes": [prefix]}],
        "globalUploadSettings": {"format": "CSV", "delimiter": ",", "textqualifier": '"', "containsHeader": "true"},
    }
