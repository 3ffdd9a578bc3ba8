"""The scores of one evaluator for one cell: a file in the test split's order, written as the evaluator yields them."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterable, Iterator
from operator import attrgetter
from pathlib import Path

import attrs

from llmops_sdk.errors import PluginError
from llmops_sdk.plugin.context import Context
from llmops_sdk.record.layout import SCORES
from llmops_sdk.record.lines import read_scores
from llmops_sdk.steps.cell.files import CellFiles, EvaluatorFiles
from llmops_sdk.steps.execution import StepExecution
from llmops_sdk.steps.spending.budget import metered_evaluator
from llmops_sdk.values.answers import Pending
from llmops_sdk.values.artifacts import ScoresValue
from llmops_sdk.values.generations import Generation
from llmops_sdk.values.scores import RecordScore, Scored, Unscored
from llmops_sdk.values.serial import file_sha256, to_line

LARGEST = 1e100
"""The largest number that is a score: squares of larger ones cannot be summed."""

SCORES_OF = "scores."
"""The prefix of the names of an evaluator's artifacts, in the record of a `score` step."""


def write_scores(
    execution: StepExecution, evaluator: EvaluatorFiles, files: CellFiles, address: str, earlier: str, folder: Path
) -> ScoresValue:
    """Score a cell, and write `scores.jsonl`.

    What an earlier attempt or an earlier look scored is kept; pending scores are made again.

    Args:
        execution: The step.
        evaluator: The evaluator.
        files: The cell's files.
        address: Of the artifact with the scores.
        earlier: Of that with the scores at an earlier look; empty without one.
        folder: Where to write.

    Raises:
        PluginError: The evaluator breaks its contract: one score for each generation, in their order.
    """
    known = next((one for one in (address, earlier) if one and execution.run.artifact(one) is not None), "")
    if known:
        counts = _write_others(execution, evaluator, files, known, folder)
    else:
        counts = _write(execution, evaluator, files, evaluator.generations(files), folder / SCORES)
    return ScoresValue(
        scored=counts.scored,
        unscored=counts.unscored,
        pending=counts.pending,
        sha256=file_sha256(folder / SCORES),
        metrics=tuple(evaluator.evaluator.metrics),
        provenance=dict(evaluator.evaluator.provenance(_context(execution, evaluator, folder))),
    )


@attrs.define
class _Counts:
    scored: int = 0
    unscored: int = 0
    pending: int = 0

    def count(self, score: RecordScore) -> None:
        if isinstance(score, Scored):
            self.scored += 1
        elif isinstance(score, Unscored):
            self.unscored += 1
        else:
            self.pending += 1


def _write_others(
    execution: StepExecution, evaluator: EvaluatorFiles, files: CellFiles, known: str, folder: Path
) -> _Counts:
    """Score the generations that have no final score in an artifact, and put the scores of both in their order."""
    counts = _Counts()
    others = folder / "others.tmp"
    draft = folder / "scores.tmp"
    with execution.run.artifact_folder(known) as earlier:
        path = earlier / SCORES
        is_final = bytearray(files.test.records)
        with path.open("rb") as lines:
            for score in read_scores(lines, str(path)):
                is_final[score.index] = not isinstance(score, Pending)
        _write(execution, evaluator, files, evaluator.generations(files, lambda index: not is_final[index]), others)
        with path.open("rb") as lines, others.open("rb") as new_lines, draft.open("wb") as out:
            kept = (score for score in read_scores(lines, str(path)) if is_final[score.index])
            for score in heapq.merge(kept, read_scores(new_lines, str(others)), key=attrgetter("index")):
                counts.count(score)
                out.write(to_line(score, RecordScore))
    others.unlink()
    draft.replace(folder / SCORES)
    return counts


def _write(
    execution: StepExecution,
    evaluator: EvaluatorFiles,
    files: CellFiles,
    generations: Iterator[Generation],
    path: Path,
) -> _Counts:
    counts = _Counts()
    draft = path.with_suffix(".draft")
    title = f"scoring {files.cell.name}: {evaluator.component.name}"
    with (
        draft.open("wb") as out,
        execution.runtime.progress.task(title, files.test.records, "records") as task,
    ):
        for score in _evaluated(execution, evaluator, generations, path.parent):
            counts.count(score)
            out.write(to_line(score, RecordScore))
            task.advance()
    draft.replace(path)
    return counts


def _evaluated(
    execution: StepExecution, evaluator: EvaluatorFiles, generations: Iterator[Generation], folder: Path
) -> Iterator[RecordScore]:
    """Yield the evaluator's scores, held to its contract: one for each generation, in order, finite, of its own metrics.

    Holds the places of the generations that the evaluator has taken and not scored yet.
    """
    name = evaluator.component.name
    metrics = {metric.name for metric in evaluator.evaluator.metrics}
    taken: deque[int] = deque()

    def take() -> Iterator[Generation]:
        for generation in generations:
            taken.append(generation.index)
            yield generation

    stream = take()
    with metered_evaluator(execution, name) as meter:
        context = attrs.evolve(_context(execution, evaluator, folder), meter=meter)
        for score in evaluator.evaluator.evaluate(context, stream):
            index = taken.popleft() if taken else None
            if not isinstance(score, (Scored, Unscored, Pending)):
                raise _no_score(name, score)
            if index is None or score.index != index:
                raise _out_of_order(name, score, index)
            yield _checked(score, metrics, name)
    missing = next(_missing(taken, stream), None)
    if missing is not None:
        raise _out_of_order(name, None, missing)


def _context(execution: StepExecution, evaluator: EvaluatorFiles, folder: Path) -> Context:
    return execution.context("evaluator", evaluator.component.use, folder)


def _missing(taken: Iterable[int], stream: Iterator[Generation]) -> Iterator[int]:
    yield from taken
    for generation in stream:
        yield generation.index


def _no_score(evaluator: str, score: object) -> PluginError:
    message = (
        f"evaluator {evaluator!r} must yield a Scored, an Unscored or a Pending for every generation, such as "
        f"Scored(generation.index, {{'metric': 0.5}}); it yielded {repr(score)[:100]}"
    )
    return PluginError(message)


def _out_of_order(evaluator: str, score: RecordScore | None, index: int | None) -> PluginError:
    message = f"evaluator {evaluator!r} must yield one score for every generation, in their order; it yielded {score!r} for record {index}"
    return PluginError(message)


def _checked(score: RecordScore, metrics: set[str], evaluator: str) -> RecordScore:
    if not isinstance(score, Scored):
        return score
    unknown = set(score.scores) - metrics
    if unknown:
        message = f"evaluator {evaluator!r} yielded a metric it does not declare: {min(unknown)!r}"
        raise PluginError(message)
    for name, value in score.scores.items():
        if not abs(value) <= LARGEST:  # nor NaN
            return Unscored(score.index, f"{name} is {value}", score.notes)
    return score
