"""Datasets that are functions."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest

from llmops_sdk import DataError
from llmops_sdk.plugin import Context
from llmops_sdk.plugin.functions.dataset import FunctionDataset
from llmops_sdk.plugin.functions.options import DatasetFunctionOptions
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.values.data import DatasetSplits
from llmops_sdk.values.functions import Function

HEAD = "from llmops_sdk import dataset\n"


@pytest.fixture(name="installed", scope="module")
def _installed() -> Registry:
    return Registry.load()


def load(
    text: str, folder: Path, registry: Registry, *, trains: bool = False, split: Any = None, **options: Any
) -> DatasetSplits:
    """Load the function `f` of a file as a dataset."""
    function = Function("mine.py", "f", "c0de", {"mine.py": HEAD + text})
    source = FunctionDataset(DatasetFunctionOptions(function=function, options=options, split=split or {}))
    context = Context(
        folder=folder,
        home=folder,
        trains=trains,
        make=registry.make,
        settings_of=partial(registry.settings_of, {}),
    )
    return source.load(context)


YIELDS = """
@dataset
def f(*, number: int = 5):
    for index in range(number):
        yield {"instruction": f"Question {index}?", "response": "yes", "score": 0.5, "team": index % 2}
"""


def test_its_mappings_are_records(tmp_path: Path, installed: Registry) -> None:
    """All are test records where nothing is fine-tuned; further fields stay; the source is the function."""
    splits = load(YIELDS, tmp_path, installed, number=3)

    record = {"instruction": "Question 0?", "context": "", "response": "yes", "score": 0.5, "team": 0}
    assert (0, 3) == (splits.train.records, splits.test.records)
    assert record in list(splits.test)
    assert {"function": "mine.py:f", "code": "c0de"}.items() <= splits.source.items()
    assert str(tmp_path) not in str(splits.source)
    assert {"test.jsonl", "train.jsonl"} == {path.name for path in tmp_path.iterdir()}


def test_it_is_split_as_a_file_is(tmp_path: Path, installed: Registry) -> None:
    """With the options of the file datasets; a group stays together."""
    splits = load(YIELDS, tmp_path, installed, trains=True, split={"test_fraction": 0.5, "group": "team", "seed": 1})

    assert {0, 1} == {record["team"] for record in [*splits.train, *splits.test]}
    assert {record["team"] for record in splits.train}.isdisjoint(record["team"] for record in splits.test)


def test_chats_are_read_as_those_of_files(tmp_path: Path, installed: Registry) -> None:
    """The last turn of the assistant is the reference."""
    text = """
@dataset
def f():
    return [{"messages": [{"role": "user", "content": "Hi?"}, {"role": "assistant", "content": "Hello."}]}]
"""
    (record,) = load(text, tmp_path, installed).test

    assert ("Hi?", "Hello.") == (record["instruction"], record["response"])


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("yield 3", "dataset 'f' must yield a mapping for each record; record 1 is 3"),
        (
            "yield {'instruction': 'a', 3: object()}",
            "field '3' of record 1 is a object, which JSON does not have",
        ),
        (
            "yield {'instruction': 'a', 'when': object()}",
            "field 'when' of record 1 is a object, which JSON does not have",
        ),
        (
            "yield {'instruction': 'a'}\n    1 / 0",
            r"dataset 'f' failed: ZeroDivisionError: division by zero \(mine.py:5\)",
        ),
        ("return 3", r"dataset 'f' failed: TypeError: 'int' object is not iterable"),
        ("yield {'text': 'no instruction'}", "mine.py:f"),
        ("yield from ()", "mine.py:f|no record"),
    ],
)
def test_what_is_no_record_is_refused(tmp_path: Path, installed: Registry, body: str, message: str) -> None:
    """The message names the function, and the record or the line."""
    with pytest.raises(DataError, match=message) as caught:
        load(f"@dataset\ndef f():\n    {body}\n", tmp_path, installed)
    assert str(tmp_path) not in str(caught.value)
