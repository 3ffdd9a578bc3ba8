from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from llmops_plugins.datasets import hub
from llmops_plugins.datasets.dolly import DollyDataset
from llmops_plugins.datasets.options import DollyOptions, SampleOptions
from llmops_plugins.datasets.sample import SAMPLE, SampleDataset
from llmops_plugins.prompts.bundled import ALPACA
from llmops_sdk import DataError, MissingExtraError
from llmops_sdk.plugin import Context, file_sha256, install_hint

from .hub_loads import DOLLY, NEW
from .rows import Load


@pytest.fixture
def dolly_file(real_data: Callable[[str], Path]) -> Path:
    """Real rows of Dolly, which are not part of the project."""
    return real_data("dolly/dolly_mix_390.jsonl")


def test_the_split_of_the_article(load: Load, dolly_file: Path) -> None:
    """Summarization records are split nine to one, without the category, in the file's order."""
    splits = load(DollyDataset(DollyOptions(path=str(dolly_file))))
    assert (225, 25) == (splits.train.records, splits.test.records)
    rows = [json.loads(line) for line in dolly_file.read_text(encoding="utf-8").splitlines()]
    order = [row["context"] for row in rows if row["category"] == "summarization"]
    for split in (splits.train, splits.test):
        contexts = [record["context"] for record in split]
        assert contexts == [context for context in order if context in set(contexts)]
    assert {("instruction", "context", "response")} == {tuple(record) for record in [*splits.train, *splits.test]}


def test_fewer_test_records_leave_the_train_split_as_it_is(load: Load, dolly_file: Path) -> None:
    """The article asks 20 records only."""
    complete = load(DollyDataset(DollyOptions(path=str(dolly_file))))
    few = load(DollyDataset(DollyOptions(path=str(dolly_file), max_test_records=20)))
    assert 20 == few.test.records
    assert complete.train.sha256 == few.train.sha256


def test_an_unknown_category_is_an_error_with_the_known_ones(load: Load, dolly_file: Path) -> None:
    """A category must have its exact name."""
    with pytest.raises(DataError, match=r"one of: summarization \(250\), .*open_qa \(20\)"):
        load(DollyDataset(DollyOptions(path=str(dolly_file), category="summaries")))


def test_jumpstart_can_use_the_folder_as_it_is(load: Load, context: Context) -> None:
    """`template.json` has the keys `prompt` and `completion` and the text of the prompt `alpaca`."""
    load(DollyDataset(DollyOptions(path=str(SAMPLE))))
    template = json.loads((context.folder / "template.json").read_text(encoding="utf-8"))
    assert template == {"prompt": ALPACA.prompt, "completion": ALPACA.completion}
    assert ["template.json", "test.jsonl", "train.jsonl"] == sorted(path.name for path in context.folder.iterdir())


def test_a_file_needs_no_library(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    """With `path`, the `datasets` library is not imported."""
    monkeypatch.setitem(sys.modules, "datasets", None)
    splits = load(DollyDataset(DollyOptions(path=str(SAMPLE))))
    assert splits.source["path"] == str(SAMPLE)
    assert splits.source["sha256"] == file_sha256(SAMPLE)


def test_the_hub_needs_the_extra(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the library, the error has the command that installs it, and alternatives."""
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(MissingExtraError) as caught:
        load(DollyDataset(DollyOptions()))
    assert install_hint("datasets") in str(caught.value)
    assert "'sample'" in str(caught.value)
    assert "path" in str(caught.value)


def test_the_fingerprint_of_a_file_is_its_hash(context: Context) -> None:
    """The same rows under another name are the same input."""
    assert file_sha256(SAMPLE) == DollyDataset(DollyOptions(path=str(SAMPLE))).fingerprint(context)


def test_the_commit_is_resolved_once(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fingerprint and records are of one commit, even if the branch changes between the two calls."""
    commits = iter("ab")
    monkeypatch.setattr(hub, "pin", lambda hub_dataset, _: hub.PinnedDataset(hub_dataset, next(commits), None))
    dataset = DollyDataset(DollyOptions())
    assert ["a", "a"] == [dataset.fingerprint(context), dataset.fingerprint(context)]


def test_the_hub_gives_the_same_splits_as_a_file_with_the_same_rows(online: dict[str, Any], context: Context) -> None:
    """The commit is the newest one, and is recorded."""
    splits = DollyDataset(DollyOptions(seed=3, path=str(SAMPLE))).load(context)
    result = online["dolly"]
    assert (splits.train.sha256, splits.test.sha256) == (result["train"], result["test"])
    assert NEW == result["fingerprint"] == result["source"]["commit"]
    assert DOLLY == result["source"]["id"]
    assert (Path(result["folder"]) / "template.json").read_bytes() == (context.folder / "template.json").read_bytes()


def test_a_file_is_previewed(tmp_path: Path) -> None:
    """The first record of the category."""
    record = DollyDataset(DollyOptions(path=str(SAMPLE))).preview()
    assert record == SampleDataset(SampleOptions()).preview()
    assert record is not None
    assert ["instruction", "context", "response"] == list(record)
    with pytest.raises(DataError, match="does not exist"):
        DollyDataset(DollyOptions(path=str(tmp_path / "none.jsonl"))).preview()
