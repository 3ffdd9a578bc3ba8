"""The `score` step: score one cell with every evaluator, and join records, answers and scores into its samples."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from llmops_sdk.plugin.interfaces import Evaluator
from llmops_sdk.record.artifacts import Artifact
from llmops_sdk.record.layout import GENERATIONS, ArtifactLayout
from llmops_sdk.steps.cell.files import CellFiles, EvaluatorFiles
from llmops_sdk.steps.cell.probes import find_probes, probers
from llmops_sdk.steps.cell.samples import write_samples
from llmops_sdk.steps.cell.scores import SCORES_OF, write_scores
from llmops_sdk.steps.execution import StepExecution, StepOutput
from llmops_sdk.values.artifacts import GenerationsValue, ScoresValue
from llmops_sdk.values.plan import ScoreStep
from llmops_sdk.values.serial import digest


def score(execution: StepExecution, step: ScoreStep) -> StepOutput:
    """Make the scores of each evaluator unless the store has them, and write the cell's samples."""
    plan = execution.run.plan
    cell = plan.cell_by_name[step.cell]
    prompt = plan.prompt_by_name[cell.prompt]
    generations = execution.artifact_of(step.needs[0], cell.name)
    generated: GenerationsValue = generations.read(GenerationsValue)
    addresses: dict[str, str] = {}
    values: dict[str, ScoresValue] = {}
    inputs = {
        f"the answers of candidate {cell.candidate!r}": generated.sha256,
        f"the prompt {cell.prompt!r}": prompt.key,
    }
    cached = True
    with ExitStack() as stack:
        splits = stack.enter_context(execution.splits(cell.dataset))
        inputs[f"the test records of dataset {cell.dataset!r}"] = splits.test.sha256
        folder = stack.enter_context(execution.run.store.folder(ArtifactLayout(generations.address).final))
        files = CellFiles(cell, splits.test, folder / GENERATIONS, prompt.template)
        evaluators = list(_evaluators(execution, files, generations.address, stack))
        for evaluator in evaluators:
            component = evaluator.component
            fingerprint = evaluator.evaluator.fingerprint(
                execution.context("evaluator", component.use, execution.runtime.home)
            )
            parts = (generated.sha256, splits.test.sha256, prompt.key, evaluator.answers_sha256)
            address = f"scores/{digest(execution.key_of('evaluator', component), fingerprint, *parts)}"
            inputs |= execution.parts_of("evaluator", component)
            inputs[f"what evaluator {component.name!r} uses"] = digest(fingerprint, evaluator.answers_sha256)
            write = partial(write_scores, execution, evaluator, files, address)
            built = execution.build_artifact(address, write, complete=_is_complete)
            addresses[component.name] = address
            values[component.name] = built.artifact.read(ScoresValue)
            cached = cached and built.cached
        hashes = {name: value.sha256 for name, value in values.items()}
        joined = digest(generations.address, generated.sha256, splits.test.sha256, addresses, hashes)
        samples = f"samples/{joined}"
        execution.build_artifact(samples, partial(write_samples, execution, files, evaluators, addresses))
    execution.run.put_samples(cell.name, samples)
    pending = sum(value.pending for value in values.values())
    artifacts = {f"{SCORES_OF}{name}": address for name, address in addresses.items()}
    return StepOutput({**artifacts, "samples": samples}, cached, pending, inputs)


def _is_complete(artifact: Artifact) -> bool:
    value: ScoresValue = artifact.read(ScoresValue)
    return value.pending == 0


def _evaluators(
    execution: StepExecution, files: CellFiles, generations: str, stack: ExitStack
) -> Iterator[EvaluatorFiles]:
    by_name = probers(execution, files.test, files.template)
    for component in execution.run.plan.evaluators:
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
