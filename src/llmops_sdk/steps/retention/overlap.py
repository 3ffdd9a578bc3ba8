"""Whether the dataset of `retention` overlaps with a train split: a record that was trained on shows nothing about what was lost."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from llmops_sdk.data.near_duplicates import find_near_duplicates
from llmops_sdk.errors import DataError
from llmops_sdk.steps.execution import StepExecution
from llmops_sdk.values.data import DatasetSplits, Record, Split
from llmops_sdk.values.plan import PrepareStep
from llmops_sdk.values.serial import canonical
from llmops_sdk.values.step_records import Succeeded

_SHOWN = 60


def check_retention(execution: StepExecution, step: PrepareStep, splits: DatasetSplits) -> None:
    """Compare the records of `retention` with the train splits of the datasets that are trained on; log near-duplicates.

    Nothing is compared for another dataset. Keeps sixteen bytes of hash for each record of `retention`.

    Raises:
        DataError: A record asks what a train record asks.
    """
    retention = execution.run.plan.retention
    if retention is None or step.dataset != retention.dataset.name:
        return
    for need in step.needs:
        if not isinstance(execution.run.record(need), Succeeded):
            continue  # nothing is trained on it
        dataset = need.partition(".")[2]
        with execution.splits(dataset) as trained:
            refuse_equal(splits.test, trained.train, step.dataset, dataset)
            near = find_near_duplicates(trained.train, splits.test)
        if near.similar:
            example = near.examples[0]
            execution.runtime.progress.log(
                f"warning: {near.similar} of {near.compared} records of {step.dataset!r} have almost the same input as a train"
                f" record of {dataset!r}, such as {_short(example.test_input)!r} and {_short(example.train_input)!r}: remove them"
                " from one of the two"
            )


def refuse_equal(asked: Split, train: Split, dataset: str, trained_on: str) -> None:
    """Refuse records that ask what a train record asks.

    Args:
        asked: The records of `retention`.
        train: A train split.
        dataset: The name of the first one's dataset.
        trained_on: That of the second one's.

    Raises:
        DataError: There are some; the message shows the first.
    """
    texts = {key: index for index, (key, _) in enumerate(_keys(asked))}
    equal: dict[int, tuple[int, str]] = {}
    for index, (key, text) in enumerate(_keys(train)):
        if key in texts:
            equal.setdefault(texts[key], (index, text))
    if not equal:
        return
    place, (index, text) = next(iter(sorted(equal.items())))
    count = f"{len(equal)} {'record is' if len(equal) == 1 else 'records are'}"
    message = (
        f"retention: {count} in the dataset {dataset!r} and in the train split of {trained_on!r}, such as record {place} (train"
        f" record {index}), {_short(text)!r}: what is trained on shows nothing about what is lost; remove it from one of the two"
    )
    raise DataError(message)


def _keys(split: Split) -> Iterator[tuple[bytes, str]]:
    """Yield the hash of what each record asks, and the text of it: case and spaces make no difference."""
    for record in split:
        text = _asked(record)
        yield (
            hashlib.blake2b(" ".join(text.lower().split()).encode("utf-8", "surrogatepass"), digest_size=16).digest(),
            text,
        )


def _asked(record: Record) -> str:
    if record.get("messages"):
        return canonical(record["messages"]).decode()
    if "instruction" not in record:
        return canonical(record).decode()
    return f"{record['instruction']} {record.get('context') or ''}"


def _short(text: str) -> str:
    one_line = " ".join(text.split())
    return one_line if len(one_line) <= _SHOWN else f"{one_line[:_SHOWN]}..."
