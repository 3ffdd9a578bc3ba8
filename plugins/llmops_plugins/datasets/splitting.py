"""The splits of any source: how they are asked for, and what is logged about them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import attrs

from llmops_plugins.datasets.options import NO_SPLIT, SplitOptions
from llmops_plugins.datasets.records import ReadRows, records_of
from llmops_sdk.plugin import (
    Context,
    DataError,
    DatasetSplits,
    Record,
    RowMapping,
    value_at,
    write_splits,
)

_PROGRESS_INTERVAL = 500
_EVALUATION_ONLY = "give test_fraction, for example 0.2, or fine-tune no model"


@attrs.frozen
class Source:
    """Where rows come from.

    Attributes:
        read: Reads the rows; those of the train split, if the source has a test split.
        read_test: Reads the rows of the test split, if the source has one.
        details: What to record about the origin.
        is_one: Whether both are the same rows.
    """

    read: ReadRows
    details: Mapping[str, str]
    read_test: ReadRows | None = None
    is_one: bool = False


def make_splits(context: Context, options: SplitOptions, mapping: RowMapping, source: Source) -> DatasetSplits:
    """Read a source, check its records and write the splits; log what was dropped.

    Where no model is fine-tuned, all records are test records unless the options ask for a split: those of the test
    split, if the source has one.

    Raises:
        DataError: Names the row and the field that cannot be used, or why the records cannot be split.
    """
    left_out: dict[str, str] = {}
    read, read_test, fraction = _reading(options, source, trains=context.trains)
    with context.progress.task("reading the dataset", unit="records") as task:

        def records(read: ReadRows) -> Callable[[], Iterator[Record]]:
            def reading() -> Iterator[Record]:
                for number, record in enumerate(records_of(read(), mapping, left_out), start=1):
                    if number % _PROGRESS_INTERVAL == 0:
                        task.advance(_PROGRESS_INTERVAL)
                    yield record

            return reading

        splits = write_splits(
            context.folder,
            records(read),
            seed=options.seed,
            test_fraction=fraction,
            test_rows=None if read_test is None else records(read_test),
            max_train_records=options.max_train_records,
            max_test_records=options.max_test_records,
            group=_group_of(options.group) if options.group else None,
            source=source.details,
        )
    train, test = splits.train.records, splits.test.records
    context.log.info("%d training records, %d test records, from %s", train, test, dict(source.details))
    _log_dropped(context, splits)
    splits = attrs.evolve(splits, group=options.group)
    if left_out:
        fields = ", ".join(f"{field!r} ({first})" for field, first in sorted(left_out.items()))
        context.progress.log(f"left out of records, because JSON cannot hold the value: {fields}")
    return splits


def split_fingerprint(fingerprint: str, context: Context) -> tuple[str, ...]:
    """Return what identifies the input and its split: without a model that is fine-tuned, it is another split."""
    return (fingerprint,) if context.trains else (fingerprint, "no model is fine-tuned")


def _reading(options: SplitOptions, source: Source, *, trains: bool) -> tuple[ReadRows, ReadRows | None, float | None]:
    """Return how the train rows and the test rows are read, and the fraction of the test split.

    Raises:
        DataError: A model is fine-tuned, and there would be no record to train on.
    """
    fraction = options.fraction(trains=trains)
    if source.read_test is None:
        if trains and fraction == 1:
            message = f"all records are test records, so there is none to fine-tune a model on: {_EVALUATION_ONLY}"
            raise DataError(message)
        return source.read, None, fraction
    if not trains:
        return source.read_test, None, 1.0
    if options.split_kind == NO_SPLIT or source.is_one:
        problem = "path and test_path are the same file" if source.is_one else "split: none leaves no train split"
        message = f"{problem}, and a model is fine-tuned: {_EVALUATION_ONLY}"
        raise DataError(message)
    return source.read, source.read_test, None


def _group_of(column: str) -> Callable[[Record], Any]:
    return lambda record: value_at(record, column, None)


def _log_dropped(context: Context, splits: DatasetSplits) -> None:
    counts = {name: int(splits.source.get(name, "0")) for name in _DROPPED}
    for name, (noun, reason) in _DROPPED.items():
        if counts[name]:
            context.progress.log(f"{_count(counts[name], noun)} {reason}")


def _count(number: int, noun: str) -> str:
    action, _, noun = noun.rpartition("|")
    return f"{action}{number} {noun}" if number == 1 else f"{action}{number} {noun}s"


_DROPPED = {
    "duplicates_dropped": ("dropped |record", "equal to an earlier one"),
    "overlap_dropped": ("dropped |training record", "with the instruction and context of a test record"),
    "group_dropped": ("dropped |training record", "of a group that has test records"),
    "unanswered_dropped": ("dropped |training record", "without a response, from which nothing can be learned"),
    "test_without_response": ("|test record", "without a response: metrics that compare with one leave them unscored"),
}
"""What is logged of a count in the details of splits: the noun after what was done with it, and why."""
