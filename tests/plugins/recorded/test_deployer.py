"""The deployer: the file is indexed in the step's folder, and its hash is part of the key."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmops_plugins.recorded.deployer import Recorded
from llmops_plugins.recorded.options import RecordedOptions
from llmops_sdk import DataError, EndpointError
from llmops_sdk.plugin import Endpoint, RecordTransport, TextPrompt, TrainedModel, file_sha256
from llmops_sdk.testing import make_context

from .rows import options, write_jsonl


def test_answers_come_from_the_file(tmp_path: Path) -> None:
    """Nothing stays in the step's folder."""
    path = write_jsonl(tmp_path / "a.jsonl", [{"id": 1, "output": "Hi"}])
    context, deployer, base = make_context(tmp_path / "step"), Recorded(RecordedOptions()), options(path).base_model()

    endpoint = deployer.deploy(context, base)
    transport = deployer.connect(context, endpoint)

    metadata = {"answers": "a.jsonl", "sha256": file_sha256(path), "rows": "1"}
    assert Endpoint("a.jsonl", concurrency=1, metadata=metadata) == endpoint
    assert isinstance(transport, RecordTransport)
    transport.match([({"id": 1}, TextPrompt("Say"))])
    assert "Hi" == transport.answer(0, {"id": 1}, TextPrompt("Say")).output
    transport.close()
    assert [] == list(context.folder.iterdir())


def test_the_hash_of_the_file_is_its_fingerprint(tmp_path: Path) -> None:
    """An edited file is read again."""
    path = write_jsonl(tmp_path / "a.jsonl", [{"id": 1, "output": "Hi"}])
    deployer, base = Recorded(RecordedOptions()), options(path).base_model()

    before = deployer.fingerprint(make_context(tmp_path / "step"), base)
    write_jsonl(path, [{"id": 1, "output": "Ho"}])

    assert file_sha256(path) == deployer.fingerprint(make_context(tmp_path / "step"), base) != before


def test_what_cannot_be_answered_is_refused(tmp_path: Path) -> None:
    """A file that cannot be used leaves nothing behind; a trained model has no recorded answers."""
    path = write_jsonl(tmp_path / "a.jsonl", [{"text": "Hi"}])
    context, deployer, base = make_context(tmp_path / "step"), Recorded(RecordedOptions()), options(path).base_model()

    with pytest.raises(DataError, match="has no field with a usual name of answers"):
        deployer.deploy(context, base)
    assert [] == list(context.folder.iterdir())
    with pytest.raises(EndpointError, match="serves no trained model"):
        deployer.deploy(context, TrainedModel("x", "/x", base))
    with pytest.raises(EndpointError, match="not indexed"):
        deployer.connect(context, Endpoint("a.jsonl"))
