"""The data that a JumpStart job reads from S3."""

from __future__ import annotations

import json
from pathlib import Path

import attrs
import pytest

pytest.importorskip("sagemaker")

import boto3

from llmops_plugins.sagemaker.aws.account import Aws
from llmops_plugins.sagemaker.jumpstart.training_data import upload_data
from llmops_plugins.sagemaker.names import RESPONSE_KEY
from llmops_plugins.sagemaker.settings import SageMakerSettings
from llmops_sdk.plugin import DatasetSplits, Split, TextPrompt, TextTemplate, file_sha256, render

from ..fixtures import BUCKET, SETTINGS

PROMPT = TextTemplate(
    "Do: {instruction}\n\nWith: {context}\n\n", RESPONSE_KEY, " {response}", without_context="Only do: {instruction}"
)
BOTH = (
    {"instruction": "Summarize {x}.", "context": "Grüße", "response": "Short."},
    {"instruction": "Name a colour.", "context": "", "response": "Blue."},
)

pytestmark = pytest.mark.usefixtures("cloud")


def stored(uri: str) -> bytes:
    """The bytes of an object."""
    body: bytes = boto3.client("s3").get_object(Bucket=BUCKET, Key=uri.removeprefix(f"s3://{BUCKET}/"))["Body"].read()
    return body


def with_records(splits: DatasetSplits, folder: Path, records: tuple[dict[str, str], ...]) -> DatasetSplits:
    """The splits with other training records."""
    path = folder / "train-records.jsonl"
    path.write_text("".join(f"{json.dumps(record)}\n" for record in records), encoding="utf-8")
    return attrs.evolve(splits, train=Split(path, len(records), file_sha256(path)))


def test_records_with_a_context_are_uploaded_as_they_are(splits: DatasetSplits, tmp_path: Path) -> None:
    """The job makes the prompts with the template, as in the article."""
    splits = with_records(splits, tmp_path, BOTH[:1])

    folder = upload_data(Aws(SageMakerSettings.from_mapping(SETTINGS)), splits, PROMPT)

    assert splits.train.path.read_bytes() == stored(f"{folder}/train.jsonl")
    assert {"prompt": PROMPT.prompt, "completion": PROMPT.completion} == json.loads(stored(f"{folder}/template.json"))


def test_records_of_both_forms_are_trained_on_with_the_texts_that_are_asked(
    splits: DatasetSplits, tmp_path: Path
) -> None:
    """JumpStart has one template: each row has its own prompt, so that the job's text is that of asking."""
    splits = with_records(splits, tmp_path, BOTH)

    folder = upload_data(Aws(SageMakerSettings.from_mapping(SETTINGS)), splits, PROMPT)

    template = json.loads(stored(f"{folder}/template.json"))
    rows = [json.loads(line) for line in stored(f"{folder}/train.jsonl").splitlines()]
    job = TextTemplate(template["prompt"], RESPONSE_KEY, template["completion"])
    trained = [render(job, row) for row in rows]
    assert [render(PROMPT, record) for record in BOTH] == trained
    assert isinstance(trained[1], TextPrompt)
    assert f"Only do: Name a colour.{RESPONSE_KEY}" == trained[1].text
