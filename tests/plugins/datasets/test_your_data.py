"""Data as people have it: the page about it, and the public cases, loaded as a run loads them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest
import yaml

from llmops_plugins.datasets.files import JsonlDataset
from llmops_plugins.datasets.options import FileOptions
from llmops_plugins.prompts.bundled import Chat
from llmops_plugins.prompts.options import ChatOptions
from llmops_sdk.plugin import ChatPrompt, Context, DatasetSplits, render
from llmops_sdk.plugin.registry import Registry

from .rows import write_rows

PAGE = (Path(__file__).parents[3] / "docs" / "how-to" / "your-data.md").read_text(encoding="utf-8")
SHAPES = re.findall(r"^(\{.*\})$", PAGE.partition("## Shapes of rows")[2], re.MULTILINE)


def loaded(context: Context, path: str | Path, **options: Any) -> DatasetSplits:
    """A file as a pipeline without fine-tuning loads it."""
    return JsonlDataset(FileOptions(path=str(path), **options)).load(attrs.evolve(context, trains=False))


@pytest.mark.parametrize("line", SHAPES)
def test_the_page_s_shapes_are_read(context: Context, tmp_path: Path, line: str) -> None:
    """Each asks for a capital, and has its name as the reference."""
    (record,) = loaded(context, write_rows(tmp_path / "rows.jsonl", [json.loads(line)])).test
    assert "Lima" == record["response"]
    assert "apital" in record["instruction"]


def test_the_page_has_every_shape() -> None:
    """One line each."""
    assert 11 == len(SHAPES)


@pytest.mark.parametrize("block", re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))
def test_the_page_s_datasets_have_valid_options(block: str) -> None:
    """As the registry reads a specification."""
    registry = Registry.load()
    for dataset in yaml.safe_load(block).get("datasets", ()):
        offer = registry.offer("dataset", dataset["use"])
        registry.options(
            offer.card, {key: value for key, value in dataset.items() if key not in ("use", "name")}, "a dataset"
        )


def test_conversations(context: Context, real_data: Callable[[str], Path]) -> None:
    """The turns before the last answer are the prompt, the last answer is the response."""
    records = list(loaded(context, real_data("cases/chat-messages/messages.jsonl")).test)
    assert ["Paris", "Rome", "Lima"] == [record["response"] for record in records]
    prompt = render(Chat(ChatOptions()).template(), records[2])
    assert isinstance(prompt, ChatPrompt)
    assert ["system", "user", "assistant", "user"] == [turn["role"] for turn in prompt.messages]
    assert ("In Peru.", "Lima") == (prompt.messages[-1]["content"], prompt.completion)
    records = list(loaded(context, real_data("cases/chat-messages/sharegpt.jsonl")).test)
    assert ["Paris", "Rome", "Lima"] == [record["response"] for record in records]


@pytest.mark.parametrize("name", ["pipeline.yaml", "test-path.yaml"])
def test_evaluation_only(context: Context, real_data: Callable[[str], Path], name: str) -> None:
    """All four rows are asked, with both specifications as they stand."""
    path = real_data(f"cases/evaluate-only/{name}")
    (dataset,) = yaml.safe_load(path.read_text())["datasets"]
    options = {key: value for key, value in dataset.items() if key != "use"}
    options.update({key: str(path.parent / options[key]) for key in ("path", "test_path") if key in options})
    splits = loaded(context, **options)
    assert (0, 4) == (splits.train.records, splits.test.records)


def test_labels_that_are_numbers(context: Context, real_data: Callable[[str], Path]) -> None:
    """They are their text, or have names."""
    path = real_data("cases/int-labels/labels.jsonl")
    columns = {"context": "text", "response": "label"}
    for labels, expected in (((), ["1", "0", "1", "0"]), (("sad", "glad"), ["glad", "sad", "glad", "sad"])):
        records = loaded(context, path, columns=columns, instruction="Is it 0 (sad) or 1 (glad)?", labels=labels).test
        assert expected == [record["response"] for record in records]


def test_nested_fields(context: Context, real_data: Callable[[str], Path]) -> None:
    """References that are as good, and one language of a translation."""
    columns = {"instruction": "question", "response": "answers.text"}
    records = list(loaded(context, real_data("cases/nested-fields/squad.jsonl"), columns=columns).test)
    assert [["Ada", "by Ada"], None, ["Oslo", "in Oslo"]] == [record.get("references") for record in records]
    columns = {"context": "translation.en", "response": "translation.de"}
    path = real_data("cases/nested-fields/translation.jsonl")
    first = next(iter(loaded(context, path, columns=columns, instruction="Translate to German.").test))
    assert {"instruction": "Translate to German.", "context": "Good day", "response": "Guten Tag"} == first


def test_no_reference(context: Context, real_data: Callable[[str], Path]) -> None:
    """Rows without one stay, alone or beside others."""
    slogans = list(loaded(context, real_data("cases/no-reference/slogans.jsonl")).test)
    assert [["instruction", "context"]] * 3 == [list(record) for record in slogans]
    some = list(loaded(context, real_data("cases/no-reference/one-empty.jsonl")).test)
    assert ["Paris", None, "Madrid", None] == [record.get("response") for record in some]
