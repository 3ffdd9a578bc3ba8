"""The results of a run as plain text: what `repr` of a result shows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from llmops_sdk.progress import plain
from llmops_sdk.record.run import Run
from llmops_sdk.report.numbers import interval, number
from llmops_sdk.values.boards import all_boards
from llmops_sdk.values.names import weights_text
from llmops_sdk.values.results import CellResult, Leaderboard, Overall
from llmops_sdk.values.step_records import Failed


def summarize(run: Run) -> str:
    """Return the leaderboards and verdicts of a run; of an unfinished one, how far it is."""
    if not run.has_results:
        return _progress(run)
    results = run.results()
    labels = {metric.name: metric.label for evaluator in results.evaluators for metric in evaluator.metrics}
    is_imported = run.plan.is_imported
    boards = [
        "\n".join(_board(board, labels.get(board.metric) or board.metric, is_imported=is_imported))
        for board in all_boards(results)
    ]
    if results.overall:
        boards.append(
            "\n".join(_overall(results.overall, labels.get(results.overall.metric) or results.overall.metric))
        )
    return plain("\n\n".join([f"run {run.id}", *boards]))


def _progress(run: Run) -> str:
    records = [record for step in run.plan.steps if (record := run.record(step.name)) is not None]
    failed = sum(isinstance(record, Failed) for record in records)
    steps = f"{len(records)} of {len(run.plan.steps)} steps have ended" + (
        f", {failed} of them failed" if failed else ""
    )
    return f"run {run.id}: no results yet, {steps}; resume with: llmops run --resume {run.id}"


def _board(board: Leaderboard, metric: str, *, is_imported: bool) -> Iterator[str]:
    yield f"dataset {board.dataset}, decided by {metric}"
    yield from _aligned(_row(cell, board.metric, is_imported=is_imported) for cell in board.cells)
    for failed in board.failed:
        yield f"  {failed.label} has no result: step {failed.step} failed: {failed.error}"
    yield board.verdict.text
    if board.noise_floor:
        yield f"Noise floor: {board.noise_floor.text}"


def _overall(overall: Overall, metric: str) -> Iterator[str]:
    yield f"all datasets, {metric} weighted: {weights_text(overall.weights)}"
    yield from _aligned(
        (f"  {each.candidate}", f"{number(each.estimate.mean)} {interval(each.estimate)}") for each in overall.means
    )
    yield overall.verdict.text


def _row(cell: CellResult, metric: str, *, is_imported: bool) -> tuple[str, ...]:
    estimate = cell.estimates.get(metric)
    mean = f"{number(estimate.mean)} {interval(estimate)}" if estimate else "no score"
    return (
        f"  {cell.candidate}",
        mean,
        *([] if is_imported else [_training(cell)]),
        f"{cell.answered}/{cell.questions} answered",
    )


def _training(cell: CellResult) -> str:
    seeds = f", {len(cell.checkpoints)} seeds" if cell.checkpoints else ""
    return f"fine-tuned{seeds}" if cell.fine_tuned else "base"


def _aligned(rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    table = list(rows)
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for row in table:
        yield "  ".join(f"{text:<{width}}" for text, width in zip(row, widths, strict=True)).rstrip()
