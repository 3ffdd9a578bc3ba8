from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest

from llmops_plugins.datasets.files import JsonlDataset
from llmops_plugins.datasets.options import FileOptions
from llmops_plugins.datasets.splitting import split_fingerprint
from llmops_sdk import DataError
from llmops_sdk.plugin import Context, DatasetSplits, Record

from .conftest import LoggedLines
from .rows import COLUMNS, Load, article_rows, write_rows


def load_file(context: Context, path: str, *, trains: bool, **options: Any) -> DatasetSplits:
    """Load a file for a pipeline that fine-tunes a model, or for one that does not."""
    return JsonlDataset(FileOptions(path=path, **options)).load(attrs.evolve(context, trains=trains))


@pytest.fixture
def rows(tmp_path: Path) -> str:
    """A file of ten rows."""
    return write_rows(
        tmp_path / "rows.jsonl", [{"instruction": f"do {n}", "response": f"{n}", "doc": n // 5} for n in range(10)]
    )


@pytest.mark.parametrize(
    ("trains", "options", "expected"),
    [
        (True, {}, (8, 2)),
        (False, {}, (0, 10)),
        (False, {"split": "none"}, (0, 10)),
        (False, {"test_fraction": 1}, (0, 10)),
        (False, {"split": "random"}, (8, 2)),
        (False, {"test_fraction": 0.3}, (7, 3)),
        (True, {"split": "random"}, (8, 2)),
        (True, {"group": "doc"}, (5, 5)),
        (False, {"group": "doc"}, (0, 10)),
        (False, {"max_test_records": 4}, (0, 4)),
    ],
)
def test_all_records_are_asked_where_nothing_is_trained(
    context: Context,
    rows: str,
    trains: bool,  # noqa: FBT001 - a parameter
    options: dict[str, Any],
    expected: tuple[int, int],
) -> None:
    """Unless the options ask for a split."""
    splits = load_file(context, rows, trains=trains, **options)
    assert expected == (splits.train.records, splits.test.records)


@pytest.mark.parametrize("options", [{"split": "none"}, {"test_fraction": 1}])
def test_a_model_needs_records_to_train_on(context: Context, rows: str, options: dict[str, Any]) -> None:
    """The message has both ways out."""
    with pytest.raises(
        DataError, match="all records are test records, so there is none to fine-tune a model on: give test_"
    ):
        load_file(context, rows, trains=True, **options)
    with pytest.raises(
        DataError, match="split: none leaves no train split, and a model is fine-tuned: give test_fraction"
    ):
        load_file(context, rows, trains=True, split="none", test_path=str(Path(rows).with_name("other.jsonl")))


@pytest.fixture(autouse=True)
def other(tmp_path: Path) -> str:
    """A file for the test split."""
    return write_rows(
        tmp_path / "other.jsonl", [{"instruction": f"do {n}", "response": f"{n}", "doc": 1} for n in (20, 21)]
    )


def test_the_test_file_is_asked_where_nothing_is_trained(context: Context, rows: str, other: str) -> None:
    """The file with the train split is not read to its end: it may be the one that a model was trained on."""
    splits = load_file(context, rows, trains=False, test_path=other)
    assert (0, 2) == (splits.train.records, splits.test.records)
    with Path(rows).open("a") as file:
        file.write("broken")
    assert 2 == load_file(context, rows, trains=False, test_path=other).test.records


def test_groups_of_the_test_file_are_not_trained_on(
    context: Context, logged: LoggedLines, rows: str, other: str
) -> None:
    """They are dropped and counted."""
    splits = load_file(context, rows, trains=True, test_path=other, group="doc")
    assert (5, 2) == (splits.train.records, splits.test.records)
    assert ["dropped 5 training records of a group that has test records"] == logged.lines


def test_the_group_may_be_inside_a_column(context: Context, tmp_path: Path) -> None:
    """Or be what is asked about."""
    lines: list[Record] = [
        {"question": f"q{n}", "context": f"c{n // 4}", "answer": "a", "meta": {"id": n // 2}} for n in range(12)
    ]
    path = write_rows(tmp_path / "a.jsonl", [dict(line) for line in lines])
    of_context: Callable[[Record], Any] = lambda record: record["context"]  # noqa: E731 - one of two
    of_meta: Callable[[Record], Any] = lambda record: record["meta"]["id"]  # noqa: E731 - one of two
    for group, of in (("context", of_context), ("meta.id", of_meta)):
        splits = load_file(context, path, trains=True, group=group)
        assert not {of(record) for record in splits.train} & {of(record) for record in splits.test}


def test_dropped_records_are_logged(load: Load, logged: LoggedLines, tmp_path: Path) -> None:
    """Repeated records, training records that are in the test split too, and those without a response."""
    train = write_rows(
        tmp_path / "train.jsonl", [*article_rows(6), *article_rows(2), {"article": "x", "highlights": None}]
    )
    test = write_rows(tmp_path / "test.jsonl", [*article_rows(3, start=5), {"article": "y", "highlights": ""}])
    load(JsonlDataset(FileOptions(path=train, test_path=test, columns=COLUMNS, instruction="S.")))
    assert logged.lines == [
        "dropped 2 records equal to an earlier one",
        "dropped 1 training record with the instruction and context of a test record",
        "dropped 1 training record without a response, from which nothing can be learned",
        "1 test record without a response: metrics that compare with one leave them unscored",
    ]


def test_another_split_has_another_fingerprint(context: Context) -> None:
    """So that its artifact is another one."""
    assert ("a",) == split_fingerprint("a", context)
    assert ("a", "no model is fine-tuned") == split_fingerprint("a", attrs.evolve(context, trains=False))
