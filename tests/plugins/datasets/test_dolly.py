from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from llmops_plugins.datasets import hub
from llmops_plugins.datasets.dolly import DollyDataset
from llmops_plugins.datasets.options import DollyOptions
from llmops_plugins.datasets.sample import SAMPLE
from llmops_plugins.prompts.bundled import ALPACA
from llmops_sdk import DataError, MissingExtraError
from llmops_sdk.plugin import Context, DatasetSource, DatasetSplits, file_sha256

Load = Callable[[DatasetSource], DatasetSplits]


@pytest.fixture(scope="session")
def dolly_file() -> Path:
    """Real rows of Dolly, which are not part of the project."""
    data = os.environ.get("LLMOPS_TEST_DATA")
    if not data:
        pytest.skip("LLMOPS_TEST_DATA does not name the folder with Dolly's rows")
    return Path(data) / "dolly" / "dolly_mix_390.jsonl"


def test_the_articles_split(load: Load, dolly_file: Path) -> None:
    """Summarization rows are split nine to one, without the category, in the file's order."""
    splits = load(DollyDataset(DollyOptions(path=str(dolly_file))))
    assert (225, 25) == (splits.train.records, splits.test.records)
    wanted = [json.loads(line) for line in dolly_file.read_text(encoding="utf-8").splitlines()]
    order = [row["context"] for row in wanted if row["category"] == "summarization"]
    for split in (splits.train, splits.test):
        contexts = [row["context"] for row in split]
        assert contexts == [context for context in order if context in set(contexts)]
    assert {("instruction", "context", "response")} == {tuple(row) for row in [*splits.train, *splits.test]}


def test_the_articles_20_test_rows_leave_training_as_it_is(load: Load, dolly_file: Path) -> None:
    """Asking 20 rows only changes no train row."""
    whole = load(DollyDataset(DollyOptions(path=str(dolly_file))))
    few = load(DollyDataset(DollyOptions(path=str(dolly_file), max_test_records=20)))
    assert 20 == few.test.records
    assert whole.train.sha256 == few.train.sha256


def test_categories_that_are_there_are_told(load: Load, dolly_file: Path) -> None:
    """A category is looked for by its exact name."""
    with pytest.raises(DataError, match=r"one of: summarization \(250\), .*open_qa \(20\)"):
        load(DollyDataset(DollyOptions(path=str(dolly_file), category="summaries")))


def test_the_folder_is_what_jumpstart_takes(load: Load, context: Context) -> None:
    """`template.json` has the keys `prompt` and `completion` and the text of the prompt `alpaca`."""
    load(DollyDataset(DollyOptions(path=str(SAMPLE))))
    template = json.loads((context.folder / "template.json").read_text(encoding="utf-8"))
    assert template == {"prompt": ALPACA.prompt, "completion": ALPACA.completion}
    assert ["template.json", "test.jsonl", "train.jsonl"] == sorted(path.name for path in context.folder.iterdir())


def test_a_file_needs_no_library(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    """With `path`, the `datasets` library is not touched."""
    monkeypatch.setitem(sys.modules, "datasets", None)
    splits = load(DollyDataset(DollyOptions(path=str(SAMPLE))))
    assert splits.source["path"] == str(SAMPLE)
    assert splits.source["sha256"] == file_sha256(SAMPLE)


def test_the_hub_needs_the_extra(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the library, the message says what to install and what to use instead."""
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(MissingExtraError) as caught:
        load(DollyDataset(DollyOptions()))
    assert "pip install 'llmops-sdk[datasets]'" in str(caught.value)
    assert "'sample'" in str(caught.value)
    assert "path" in str(caught.value)


def test_the_fingerprint_of_a_file_is_its_hash(context: Context) -> None:
    """The same rows under another name are the same input."""
    assert file_sha256(SAMPLE) == DollyDataset(DollyOptions(path=str(SAMPLE))).fingerprint(context)


def test_the_commit_is_resolved_once(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fingerprint and rows are of one commit, though the branch may move between the two calls."""
    commits = iter("ab")
    monkeypatch.setattr(hub, "pin", lambda hub_id, _: hub.Pinned(hub_id, next(commits), None))
    dataset = DollyDataset(DollyOptions())
    assert ["a", "a"] == [dataset.fingerprint(context), dataset.fingerprint(context)]


def test_a_file_that_is_not_there_is_told(load: Load, tmp_path: Path) -> None:
    """Both a missing file and a folder are named."""
    with pytest.raises(DataError, match=r"the data file '.*none\.jsonl' is not there"):
        load(DollyDataset(DollyOptions(path=str(tmp_path / "none.jsonl"))))
    with pytest.raises(DataError, match="is a folder, not a file"):
        load(DollyDataset(DollyOptions(path=str(tmp_path))))
