"""The `prepare` step: load and split a dataset, and check its records against the prompts, before anything costs."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import attrs

from llmops_sdk.data.rendering import render
from llmops_sdk.errors import DataError
from llmops_sdk.plugin.interfaces import DatasetSource
from llmops_sdk.steps.job import Job, Made, splits_in
from llmops_sdk.values.data import DatasetSplits, Split
from llmops_sdk.values.plan import Plan, PrepareStep
from llmops_sdk.values.serial import digest, to_json


def prepare(job: Job, step: PrepareStep) -> Made:
    """Make the data artifact unless it is there, then check its records against every prompt of the plan."""
    component = job.run.plan.dataset_by_name[step.dataset]
    source: DatasetSource = job.runtime.registry.make("dataset", component.use, component.options)
    fingerprint = source.fingerprint(job.context(job.runtime.home))
    address = f"data/{digest(component.key, fingerprint)}"

    def make(folder: Path) -> Any:
        splits = source.load(job.context(folder))
        _check_splits(splits, step.dataset)
        return to_json(_relative(splits, folder))

    once = job.make_once(address, make)
    with job.run.artifact_folder(address) as folder:
        _check_prompts(splits_in(folder, once.artifact), step.dataset, job.run.plan)
    return Made({"data": address}, once.cached)


def _relative(splits: DatasetSplits, folder: Path) -> DatasetSplits:
    def inside(split: Split) -> Split:
        return attrs.evolve(split, path=split.path.absolute().relative_to(folder.absolute()))

    return attrs.evolve(splits, train=inside(splits.train), test=inside(splits.test))


def _check_splits(splits: DatasetSplits, dataset: str) -> None:
    """Refuse a split without test records, and a record that is in both splits.

    Keeps eight bytes of hash for each test record.
    """
    if splits.test.records == 0:
        message = f"dataset {dataset!r} leaves no test record; raise test_fraction or give more data"
        raise DataError(message)
    tested: dict[bytes, int] = {}
    with splits.test.path.open("rb") as lines:
        for index, line in enumerate(lines):
            tested.setdefault(_short_hash(line), index)
    with splits.train.path.open("rb") as lines:
        for index, line in enumerate(lines):
            other = tested.get(_short_hash(line))
            if other is not None:
                message = f"dataset {dataset!r} has train record {index} in its test split too (record {other}); a score on it would prove nothing"
                raise DataError(message)


def _short_hash(line: bytes) -> bytes:
    return hashlib.blake2b(line.rstrip(b"\r\n"), digest_size=8).digest()


def _check_prompts(splits: DatasetSplits, dataset: str, plan: Plan) -> None:
    """Render every record through every prompt, so that a missing field is told before any training."""
    trains = any(model.trainer is not None for model in plan.models)
    for name, split in (("train", splits.train if trains else None), ("test", splits.test)):
        for index, record in enumerate(split or ()):
            for prompt in plan.prompts:
                render(
                    prompt.template,
                    record,
                    where=f"prompt {prompt.name!r}, dataset {dataset!r}, {name} record {index}",
                )
