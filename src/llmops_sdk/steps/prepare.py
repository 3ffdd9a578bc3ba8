"""The `prepare` step: load and split a dataset, and check its records against the prompts, before anything is billed."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import attrs

from llmops_sdk.data.near_duplicates import find_near_duplicates
from llmops_sdk.data.rendering import prompt_only, render
from llmops_sdk.errors import DataError
from llmops_sdk.plugin.context import Context
from llmops_sdk.plugin.interfaces import DatasetSource
from llmops_sdk.record.artifacts import Artifact
from llmops_sdk.steps.execution import StepExecution, StepOutput, retrieved_name, splits_in
from llmops_sdk.steps.retention.overlap import check_retention
from llmops_sdk.steps.retrieval.retrieved import prepare_retrieved
from llmops_sdk.values.data import DatasetSplits, Split
from llmops_sdk.values.plan import Plan, PrepareStep, TrainStep
from llmops_sdk.values.planned_prompt import PlannedPrompt
from llmops_sdk.values.serial import digest

_SHOWN = 60


def prepare(execution: StepExecution, step: PrepareStep) -> StepOutput:
    """Make the data artifact unless the store has it, then check its records against every prompt of the plan.

    Raises:
        DataError: The dataset has no test record, or a record in both splits; a prompt needs a field that a record lacks; or
            a record of `retention` is trained on.
    """
    plan = execution.run.plan
    component = plan.dataset_by_name[step.dataset]
    source: DatasetSource = execution.runtime.registry.make("dataset", component.use, component.options)
    trains = _uses_train(plan, step.dataset)

    def context(folder: Path) -> Context:
        return attrs.evolve(execution.context("dataset", component.use, folder), trains=trains)

    fingerprint = source.fingerprint(context(execution.runtime.home))
    address = f"data/{digest(execution.key_of('dataset', component), fingerprint)}"

    def load(folder: Path) -> DatasetSplits:
        splits = source.load(context(folder))
        _check_splits(splits, step.dataset)
        near = find_near_duplicates(splits.train, splits.test)
        counted = {"near_duplicates": f"{near.similar} of {near.compared} test records"} if near.similar else {}
        return attrs.evolve(_relative(splits, folder), source={**splits.source, **counted}, near_duplicates=near)

    built = execution.build_artifact(address, load)
    artifacts, cached = {"data": address}, built.cached
    inputs = {
        **execution.parts_of("dataset", component),
        f"the data of dataset {step.dataset!r}": digest(fingerprint),
    }
    with execution.run.artifact_folder(address) as folder:
        splits = splits_in(folder, built.artifact)
        _check_prompts(splits, step.dataset, plan, [prompt for prompt in plan.prompts if not prompt.retrieves])
        check_retention(execution, step, splits)
        _log_near_duplicates(splits, step.dataset, execution)
        for prompt in (prompt for prompt in plan.prompts if prompt.retrieves and _is_used(prompt, step.dataset, plan)):
            trained = prompt.name in _trained_with(plan, step.dataset)
            adds = attrs.evolve(prompt, examples=None, retrieve=None) if _is_retention(plan, step.dataset) else prompt
            prepared = prepare_retrieved(execution, adds, splits, address, dataset=step.dataset, trains=trained)
            artifacts[retrieved_name(prompt.name)] = prepared.built.artifact.address
            cached, inputs = cached and prepared.built.cached, {**inputs, **prepared.inputs}
            _check_retrieved(execution, prepared.built.artifact, step.dataset, prompt)
    return StepOutput(artifacts, cached, inputs=inputs)


def _uses_train(plan: Plan, dataset: str) -> bool:
    """Return whether records of a dataset are trained on, or are examples in prompts."""
    if _is_retention(plan, dataset):
        return False
    is_trained_on = any(isinstance(step, TrainStep) and step.dataset == dataset for step in plan.steps)
    return is_trained_on or any(prompt.examples and _is_used(prompt, dataset, plan) for prompt in plan.prompts)


def _is_retention(plan: Plan, dataset: str) -> bool:
    """Return whether a dataset is that of `retention`: it has no train split, and the documents are of another subject."""
    return plan.retention is not None and plan.retention.dataset.name == dataset


def _is_used(prompt: PlannedPrompt, dataset: str, plan: Plan) -> bool:
    asked = any((cell.prompt, cell.dataset) == (prompt.name, dataset) for cell in plan.cell_by_name.values())
    return asked or prompt.name in _trained_with(plan, dataset)


def _trained_with(plan: Plan, dataset: str) -> set[str]:
    return {step.prompt for step in plan.steps if isinstance(step, TrainStep) and step.dataset == dataset}


def _check_retrieved(execution: StepExecution, artifact: Artifact, dataset: str, prompt: PlannedPrompt) -> None:
    """Check the records for a prompt that retrieves, and log what they got."""
    with execution.run.artifact_folder(artifact.address) as folder:
        splits = splits_in(folder, artifact)
        _check_prompts(splits, dataset, execution.run.plan, [prompt])
    for name, text in splits.retrieved.items():
        execution.runtime.progress.log(f"prompt {prompt.name!r} on {dataset!r}: {name}: {text}")


def _relative(splits: DatasetSplits, folder: Path) -> DatasetSplits:
    def inside(split: Split) -> Split:
        return attrs.evolve(split, path=split.path.absolute().relative_to(folder.absolute()))

    return attrs.evolve(splits, train=inside(splits.train), test=inside(splits.test))


def _check_splits(splits: DatasetSplits, dataset: str) -> None:
    """Refuse a split without test records, and a record that is in both splits.

    Keeps eight bytes of hash for each test record.
    """
    if splits.test.records == 0:
        message = f"dataset {dataset!r} has no test records; raise test_fraction or add data"
        raise DataError(message)
    tested: dict[bytes, int] = {}
    with splits.test.path.open("rb") as lines:
        for index, line in enumerate(lines):
            tested.setdefault(_short_hash(line), index)
    with splits.train.path.open("rb") as lines:
        for index, line in enumerate(lines):
            other = tested.get(_short_hash(line))
            if other is not None:
                message = f"train record {index} of dataset {dataset!r} is also its test record {other}; a score on it would prove nothing"
                raise DataError(message)


def _short_hash(line: bytes) -> bytes:
    return hashlib.blake2b(line.rstrip(b"\r\n"), digest_size=8).digest()


def _check_prompts(splits: DatasetSplits, dataset: str, plan: Plan, checked: Sequence[PlannedPrompt]) -> None:
    """Render every record through the prompts it is used with: a missing field is an error before any training.

    A test record needs no field of the completion: it may have no reference.
    """
    trained = _trained_with(plan, dataset) & {prompt.name for prompt in checked}
    asked = {cell.prompt for cell in plan.cell_by_name.values() if cell.dataset == dataset}
    for name, split, rendered, used in (
        ("train", splits.train if trained else (), render, trained),
        ("test", splits.test, prompt_only, asked),
    ):
        prompts = [prompt for prompt in checked if prompt.name in used]
        for index, record in enumerate(split):
            for prompt in prompts:
                where = f"{name} record {index} of dataset {dataset!r} (prompt {prompt.name!r})"
                rendered(prompt.template, record, where=where)


def _log_near_duplicates(splits: DatasetSplits, dataset: str, execution: StepExecution) -> None:
    near = splits.near_duplicates
    if not near.similar:
        return
    records = f"{near.similar} of {near.compared} test records"
    progress = execution.runtime.progress
    progress.log(f"{records} of {dataset!r} have almost the same input as a training record; the most similar ones:")
    for example in near.examples:
        pair = f"test record {example.test} and training record {example.train}, {example.similarity:.0%} alike"
        progress.log(f"  {pair}: {_short(example.test_input)!r} / {_short(example.train_input)!r}")


def _short(text: str) -> str:
    one_line = " ".join(text.split())
    return one_line if len(one_line) <= _SHOWN else f"{one_line[:_SHOWN]}..."
