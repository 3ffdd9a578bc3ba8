"""The `score` step: score one cell with every evaluator, and join records, answers and scores into its samples."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import attrs

from llmops_sdk.plugin.interfaces import Evaluator
from llmops_sdk.record.artifacts import Artifact
from llmops_sdk.record.layout import GENERATIONS, ArtifactLayout
from llmops_sdk.steps.cell.evaluators import evaluators_of
from llmops_sdk.steps.cell.files import CellFiles, EvaluatorFiles
from llmops_sdk.steps.cell.probes import find_probes, probers
from llmops_sdk.steps.cell.samples import FORM, ScoredAnswers, write_samples
from llmops_sdk.steps.cell.scores import SCORES_OF, write_scores
from llmops_sdk.steps.execution import StepExecution, StepOutput
from llmops_sdk.values.artifacts import GenerationsValue, ScoresValue, of_repeat
from llmops_sdk.values.data import DatasetSplits
from llmops_sdk.values.plan import ScoreStep, at_look, without_look
from llmops_sdk.values.serial import digest
from llmops_sdk.values.step_records import Succeeded


def score(execution: StepExecution, step: ScoreStep) -> StepOutput:
    """Make the scores of each evaluator unless the store has them, and write the cell's samples."""
    plan = execution.run.plan
    cell = plan.cell_by_name[step.cell]
    with ExitStack() as stack:
        splits = stack.enter_context(execution.splits(cell.dataset, cell.prompt))
        times = [_score_answers(execution, step, splits, repeat, stack) for repeat in range(plan.times_asked(cell))]
        shown = times[: plan.model_by_name[cell.model].repeats]
        samples = f"samples/{digest(FORM, *(part for time in shown for part in time.parts))}"
        write = partial(write_samples, execution, [time.answers for time in shown])
        execution.build_artifact(samples, write)
    execution.run.put_samples(cell.name, samples)
    artifacts = {
        of_repeat(f"{SCORES_OF}{name}", repeat): address
        for repeat, time in enumerate(times)
        for name, address in time.answers.addresses.items()
    }
    generated = [time.generated_sha256 for time in times]
    inputs = {
        f"the answers of candidate {cell.candidate!r}": generated[0] if len(generated) == 1 else digest(generated),
        f"the prompt {cell.prompt!r}": plan.prompt_by_name[cell.prompt].key,
        f"the test records of dataset {cell.dataset!r}": splits.test.key,
        **{name: value for time in times for name, value in time.inputs.items()},
    }
    pending = sum(time.pending for time in times)
    return StepOutput({**artifacts, "samples": samples}, all(time.cached for time in times), pending, inputs)


@attrs.frozen(kw_only=True)
class _Time:
    """The scores of the answers of one time that a cell was asked.

    Attributes:
        answers: The answers and where their scores are.
        generated_sha256: Of the answers.
        parts: What decides their samples.
        cached: Whether all scores were there before.
        pending: Scores that failed for now.
        inputs: What decided the scores besides the answers, by what messages call it, with its hash.
    """

    answers: ScoredAnswers
    generated_sha256: str
    parts: tuple[Any, ...]
    cached: bool
    pending: int
    inputs: Mapping[str, str]


def _score_answers(
    execution: StepExecution, step: ScoreStep, splits: DatasetSplits, repeat: int, stack: ExitStack
) -> _Time:
    plan = execution.run.plan
    cell = plan.cell_by_name[step.cell]
    prompt = plan.prompt_by_name[cell.prompt]
    generations = execution.artifact_of(step.needs[0], of_repeat(cell.name, repeat))
    generated: GenerationsValue = generations.read(GenerationsValue)
    folder = stack.enter_context(execution.run.store.folder(ArtifactLayout(generations.address).final))
    files = CellFiles(cell, splits.test, folder / GENERATIONS, prompt.template)
    evaluators = list(_evaluators(execution, files, generations.address, stack))
    before = execution.run.record(at_look(without_look(step.name), step.look - 1)) if step.look > 1 else None
    addresses: dict[str, str] = {}
    values: dict[str, ScoresValue] = {}
    inputs: dict[str, str] = {}
    cached = True
    for evaluator in evaluators:
        component = evaluator.component
        fingerprint = evaluator.evaluator.fingerprint(
            execution.context("evaluator", component.use, execution.runtime.home)
        )
        parts = (generated.sha256, splits.test.key, prompt.key, evaluator.answers_sha256)
        address = f"scores/{digest(execution.key_of('evaluator', component), fingerprint, *parts)}"
        inputs |= execution.parts_of("evaluator", component)
        inputs[f"what evaluator {component.name!r} uses"] = digest(fingerprint, evaluator.answers_sha256)
        name = of_repeat(f"{SCORES_OF}{component.name}", repeat)
        earlier = before.artifacts.get(name, "") if isinstance(before, Succeeded) else ""
        write = partial(write_scores, execution, evaluator, files, address, earlier)
        built = execution.build_artifact(address, write, complete=_is_complete)
        addresses[component.name] = address
        values[component.name] = built.artifact.read(ScoresValue)
        cached = cached and built.cached
    hashes = {name: value.sha256 for name, value in values.items()}
    return _Time(
        answers=ScoredAnswers(files, evaluators, addresses),
        generated_sha256=generated.sha256,
        parts=(generations.address, generated.sha256, splits.test.sha256, addresses, hashes),
        cached=cached,
        pending=sum(value.pending for value in values.values()),
        inputs=inputs,
    )


def _is_complete(artifact: Artifact) -> bool:
    value: ScoresValue = artifact.read(ScoresValue)
    return value.pending == 0


def _evaluators(
    execution: StepExecution, files: CellFiles, generations: str, stack: ExitStack
) -> Iterator[EvaluatorFiles]:
    by_name = probers(execution, files.cell, files.test, files.template)
    for component in evaluators_of(execution.run.plan, files.cell):
        evaluator: Evaluator = execution.runtime.registry.make("evaluator", component.use, component.options)
        prober = by_name.get(component.name)
        probes = prober.probe_set() if prober else None
        if prober is None or probes is None or not probes.total:
            yield EvaluatorFiles(component, evaluator)
            continue
        artifact = find_probes(execution.run, prober, probes, generations, files.cell)
        value: GenerationsValue = artifact.read(GenerationsValue)
        folder: Path = stack.enter_context(execution.run.store.folder(ArtifactLayout(artifact.address).final))
        yield EvaluatorFiles(component, evaluator, prober, folder / GENERATIONS, value.sha256)
