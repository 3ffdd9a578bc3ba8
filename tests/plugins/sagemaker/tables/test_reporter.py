"""The reporter `s3`: tables and manifests in a bucket of moto on loopback."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("moto")

import boto3

from llmops_sdk import Pipeline, Progress, Registry, Run, StoreError, UserError
from llmops_sdk.pipeline.reporting import report_as
from llmops_sdk.plugin import Runtime


class Lines(Progress):
    """Keeps the lines that are logged."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def log(self, text: str) -> None:
        self.lines.append(text)


@pytest.fixture(name="run")
def _run(registry: Registry, tmp_path: Path) -> Run:
    pipeline = Pipeline.builder("echo").with_dataset("lines", records=6).with_prompt("bare")
    pipeline = pipeline.with_model("echo", fine_tune=False).with_model(
        "echo", name="quiet", voice="quiet", fine_tune=False
    )
    return pipeline.with_evaluator("echo-score").run(store=tmp_path, registry=registry, progress=Progress()).run


@pytest.fixture(name="bucket")
def _bucket(cloud: Any, home: Path) -> Any:  # noqa: ARG001 - both set the environment
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket="numbers")
    return s3


@pytest.fixture(name="runtime")
def _runtime(registry: Registry, home: Path) -> Runtime:
    return Runtime(registry, home, progress=Lines())


def _keys(s3: Any) -> list[str]:
    return [item["Key"] for item in s3.list_objects_v2(Bucket="numbers").get("Contents", ())]


def test_the_tables_of_every_run_are_below_one_prefix(run: Run, bucket: Any, runtime: Runtime) -> None:
    """Repeated, they are replaced; the manifest names the prefix, so QuickSight reads all runs as one table."""
    for _ in range(2):
        report_as(run, "s3", {"uri": "s3://numbers/team"}, runtime)

    assert [
        f"team/candidates/{run.id}.csv",
        "team/candidates.manifest.json",
        f"team/scores/{run.id}.csv",
        "team/scores.manifest.json",
    ] == sorted(_keys(bucket), key=lambda key: key.replace(".manifest", "~"))
    manifest = json.loads(bucket.get_object(Bucket="numbers", Key="team/scores.manifest.json")["Body"].read())
    assert {
        "fileLocations": [{"URIPrefixes": ["s3://numbers/team/scores/"]}],
        "globalUploadSettings": {"format": "CSV", "delimiter": ",", "textqualifier": '"', "containsHeader": "true"},
    } == manifest
    data = bucket.get_object(Bucket="numbers", Key=f"team/scores/{run.id}.csv")["Body"].read()
    rows = list(csv.DictReader(io.StringIO(data.decode("utf-8"))))
    assert not data.startswith(b"\xef\xbb\xbf")  # QuickSight does not read a byte order mark
    assert [run.id] * 12 == [row["run"] for row in rows]
    assert f"wrote s3://numbers/team/scores/{run.id}.csv" in runtime.progress.lines  # type: ignore[attr-defined]


def test_other_formats_have_no_manifest(run: Run, bucket: Any, runtime: Runtime) -> None:
    """QuickSight's manifests have no format for them."""
    report_as(run, "s3", {"uri": "s3://numbers", "format": "jsonl"}, runtime)

    assert [f"candidates/{run.id}.jsonl", f"scores/{run.id}.jsonl"] == sorted(_keys(bucket))


def test_a_bucket_that_is_not_there_is_one_line(run: Run, bucket: Any, runtime: Runtime) -> None:
    """With what to do."""
    with pytest.raises(StoreError, match="there is no bucket 'nobody': create it with"):
        report_as(run, "s3", {"uri": "s3://nobody/x"}, runtime)
    assert [] == _keys(bucket)


def test_offline_nothing_is_sent(run: Run, registry: Registry, home: Path) -> None:
    """The error names the option."""
    with pytest.raises(UserError, match="call the reporter again without --offline"):
        report_as(run, "s3", {"uri": "s3://numbers"}, Runtime(registry, home, offline=True))
