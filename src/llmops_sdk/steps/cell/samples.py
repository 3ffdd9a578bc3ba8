"""The samples of a cell: one line a record, with what was asked, what was answered, and all scores."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import attrs

from llmops_sdk.data.rendering import prompt_only
from llmops_sdk.data.retrieval.prompts import take_retrieved
from llmops_sdk.record.layout import SAMPLES, SCORES
from llmops_sdk.record.lines import read_scores
from llmops_sdk.steps.cell.files import CellFiles, EvaluatorFiles
from llmops_sdk.steps.execution import StepExecution
from llmops_sdk.values.answers import Answered, Pending
from llmops_sdk.values.artifacts import SamplesValue
from llmops_sdk.values.samples import Sample
from llmops_sdk.values.scores import RecordScore, Scored
from llmops_sdk.values.serial import to_line

FORM = "with the evaluators of failures"
"""What the lines have; samples of another form are written again, which asks and scores nothing."""


@attrs.frozen
class ScoredAnswers:
    """One answer to each record of a cell, with its scores.

    Attributes:
        files: The records and the answers.
        evaluators: All of the plan's.
        addresses: Evaluator name to the address of its scores.
    """

    files: CellFiles
    evaluators: Sequence[EvaluatorFiles]
    addresses: Mapping[str, str]


def write_samples(execution: StepExecution, repeats: Sequence[ScoredAnswers], folder: Path) -> SamplesValue:
    """Write `samples.jsonl`: record by record, each with all of its answers.

    Args:
        execution: The step.
        repeats: The answers, once for each time that the cell is asked.
        folder: Where to write.
    """
    draft = folder / "samples.tmp"
    with ExitStack() as stack:
        streams = [_samples(execution, answers, repeat, stack) for repeat, answers in enumerate(repeats)]
        out = stack.enter_context(draft.open("wb"))
        for samples in zip(*streams, strict=True):
            out.writelines(to_line(sample, Sample) for sample in samples)
    draft.replace(folder / SAMPLES)
    return SamplesValue(repeats[0].files.test.records)


def _samples(execution: StepExecution, answers: ScoredAnswers, repeat: int, stack: ExitStack) -> Iterator[Sample]:
    scores: dict[str, Iterator[RecordScore]] = {}
    for name, address in answers.addresses.items():
        path = stack.enter_context(execution.run.artifact_folder(address)) / SCORES
        scores[name] = read_scores(stack.enter_context(path.open("rb")), str(path))
    return _with_probes(_scored(answers.files, scores, repeat), answers.files, answers.evaluators)


def _scored(files: CellFiles, scores: Mapping[str, Iterator[RecordScore]], repeat: int) -> Iterator[Sample]:
    for prepared, outcome in files.records():
        record, retrieved = take_retrieved(prepared)
        prompt = prompt_only(files.template, prepared)
        sample = Sample(record, prompt, outcome, repeat=repeat, retrieved=retrieved)
        if isinstance(outcome, Answered):
            sample = _with_scores(sample, {name: next(evaluator_scores) for name, evaluator_scores in scores.items()})
        yield sample


def _with_scores(sample: Sample, scores: Mapping[str, RecordScore]) -> Sample:
    numbers: dict[str, float] = {}
    errors, pending, notes = {}, {}, {}
    failures: list[str] = []
    for evaluator, score in scores.items():
        if isinstance(score, Pending):
            pending[evaluator] = score.error
            continue
        if isinstance(score, Scored):
            numbers.update(score.scores)
        else:
            errors[evaluator] = score.error
            failures += [evaluator] if score.is_failure else []
        if score.notes:
            notes[evaluator] = score.notes
    return attrs.evolve(
        sample, scores=numbers, score_errors=errors, pending_scores=pending, notes=notes, failures=tuple(failures)
    )


def _with_probes(samples: Iterator[Sample], files: CellFiles, evaluators: Sequence[EvaluatorFiles]) -> Iterator[Sample]:
    probing = [evaluator for evaluator in evaluators if evaluator.prober]
    if not probing:
        yield from samples
        return
    streams = zip(*(evaluator.probes(files) for evaluator in probing), strict=True)
    for sample, outcomes in zip(samples, streams, strict=True):
        probes = {
            evaluator.component.name: evaluator.prober.samples(probed)
            for evaluator, probed in zip(probing, outcomes, strict=True)
            if evaluator.prober and probed
        }
        yield attrs.evolve(sample, probes=probes)
