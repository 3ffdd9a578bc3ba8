"""The results of a run, or its progress, as `run` and `show` print them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from rich.text import Text

from llmops_sdk.cli.output.costs.loads import show_loads
from llmops_sdk.cli.output.costs.spent import show_costs, show_spending
from llmops_sdk.cli.output.steps import show_progress
from llmops_sdk.cli.output.summaries import show_forms, show_grading, show_summaries
from llmops_sdk.cli.output.tables import new_table, open_console, print_line
from llmops_sdk.cli.output.text import echo
from llmops_sdk.record.layout import REPORT
from llmops_sdk.record.run import Run
from llmops_sdk.report.numbers import interval, number
from llmops_sdk.values.boards import all_boards
from llmops_sdk.values.estimates import Estimate
from llmops_sdk.values.names import weights_text, with_seed
from llmops_sdk.values.plan import DEFAULT_REPORTER, Plan
from llmops_sdk.values.results import CellResult, Leaderboard, Overall, Results
from llmops_sdk.values.scores import Metric

if TYPE_CHECKING:
    from rich.console import Console

_MOST_ROWS = 30
_NUMBER_WIDTH = 6
"""The width of a mean, in characters."""
_GAP = 2


def show_run(run: Run, first: Sequence[str] = ()) -> None:
    """Print what a run concluded, or how far it is.

    Args:
        run: The record of the run.
        first: Evaluators whose metrics are shown before the others.
    """
    console = open_console()
    if not run.has_results:
        show_progress(console, run)
        return
    results = run.results()
    ordered = sorted(results.evaluators, key=lambda evaluator: evaluator.name not in first)
    metrics = {metric.name: metric for evaluator in ordered for metric in evaluator.metrics}
    boards = all_boards(results)
    _show_errors(console, [board for board in boards if not board.cells])
    for board in boards:
        if board.cells:
            title = "retention, on dataset" if board is results.retention else "dataset"
            console.print(Text(f"\n{title} {board.dataset}\n", style="bold"))
            _show_board(console, board, metrics, run.plan)
    if results.overall:
        _show_overall(console, results.overall, metrics.get(results.overall.metric, Metric(results.overall.metric)))
    show_loads(console, results.loads)
    _show_models_of_evaluators(console, results)
    show_spending(console, run)
    if any(board.cells for board in results.leaderboards) and (report := report_location(run)):
        print_line(console, f"\nreport: {report}")


def show_quietly(run: Run, first: Sequence[str] = ()) -> None:
    """Print the verdict of each dataset, and the means of the evaluators `first`."""
    results = run.results()
    metrics = [metric for evaluator in results.evaluators if evaluator.name in first for metric in evaluator.metrics]
    for board in results.leaderboards:
        for metric in metrics:
            means = ", ".join(f"{cell.candidate} {_mean(cell.estimates.get(metric.name))}" for cell in board.cells)
            if means:
                echo(f"{_label(metric)} on {board.dataset}: {means}")
        echo(board.verdict.text)
        if board.noise_floor:
            echo(f"Noise floor: {board.noise_floor.text}")
    if results.retention:
        echo(results.retention.verdict.text)
    if results.overall:
        echo(results.overall.verdict.text)


def failures(results: Results) -> list[str]:
    """Return one line for each candidate that has no result or no score that decides, and why."""
    lines: dict[str, None] = {}
    for board in all_boards(results):
        for failed in board.failed:
            candidate = with_seed(repr(failed.candidate), failed.seed)
            where = f"candidate {candidate} on {board.dataset!r}" if board.cells else "error"
            lines[f"{where}: step {failed.step} failed: {failed.error}"] = None
        for cell in board.cells:
            if board.metric not in cell.estimates:
                lines[
                    f"candidate {cell.candidate!r} on {board.dataset!r}: no record has a score of {board.metric!r}"
                ] = None
    return list(lines)


def report_location(run: Run) -> str | None:
    """Return where the HTML report of a run is; None if its pipeline does not have that reporter."""
    is_reported = any(reporter.use == DEFAULT_REPORTER.use for reporter in run.plan.reporters)
    return run.locate(REPORT) if is_reported else None


def _show_errors(console: Console, boards: Iterable[Leaderboard]) -> None:
    """Print each error of datasets on which no candidate has a result, once."""
    for step, error in dict.fromkeys((cell.step, cell.error) for board in boards for cell in board.failed):
        print_line(console, f"error: {step}: {error}", "red")


def _show_board(console: Console, board: Leaderboard, metrics: Mapping[str, Metric], plan: Plan) -> None:
    shown = board.cells[:_MOST_ROWS]
    others = [metric for name, metric in metrics.items() if name != board.metric]
    deciding = metrics.get(board.metric, Metric(board.metric))
    if plan.is_imported:
        _show_imported(console, shown, deciding)
    else:
        _show_deciding_metric(console, shown, deciding)
    _show_other_metrics(console, shown, others)
    show_summaries(console, shown)
    if board.grading:
        show_grading(console, board.grading, board)
    show_forms(console, board)
    if board.dataset in {dataset.name for dataset in plan.datasets}:  # not that of `retention`
        show_costs(console, shown, plan.costs.traffic)
    if len(board.cells) > len(shown):
        console.print(f"… and {len(board.cells) - len(shown)} more candidates; the report has all of them")
    for cell in shown:
        if counts := _counts(cell, metrics):
            print_line(console, f"{cell.candidate}: {', '.join(counts)}", "yellow")
        for name, reason in cell.reasons.items():
            print_line(console, f"{cell.candidate}: {name}: {reason}", "dim")
    for failed in board.failed[:_MOST_ROWS]:
        print_line(console, f"{failed.label} has no result: step {failed.step} failed: {failed.error}", "red")
    console.print(Text(f"\n{board.verdict.text}", style="bold"))
    if board.noise_floor:
        console.print(Text(f"Noise floor: {board.noise_floor.text}"))


def _show_overall(console: Console, overall: Overall, metric: Metric) -> None:
    console.print(Text(f"\nall datasets, weighted: {weights_text(overall.weights)}\n", style="bold"))
    if overall.means:
        table = new_table("candidate", f"weighted mean {_label(metric)}")
        table.columns[1].justify = "right"
        for each in overall.means[:_MOST_ROWS]:
            table.add_row(each.candidate, _interval(each.estimate))
        console.print(table)
    console.print(Text(f"\n{overall.verdict.text}", style="bold"))


def _counts(cell: CellResult, metrics: Mapping[str, Metric]) -> list[str]:
    """Return what must be known beside a candidate's means: what is empty, cut off, missing."""
    counts = [f"{cell.missing} not in its recorded answers"] if cell.missing else []
    counts += [f"{cell.empty} empty"] if cell.empty else []
    counts += [f"{cell.cut} cut off at max_new_tokens"] if cell.cut else []
    counts += [f"{number} unscored by {name}" for name, number in cell.unscored.items() if number]
    failures = set(cell.failures.values())
    counts += [f"{max(failures)} without a usable answer count as the worst score"] if failures else []
    counts += [f"{number} without {_label(metrics.get(name, Metric(name)))}" for name, number in cell.undefined.items()]
    counts += [f"{number} scores of {name} pending" for name, number in cell.pending_scores.items()]
    return counts + ([f"{cell.pending} answers pending"] if cell.pending else [])


def _show_imported(console: Console, cells: Iterable[CellResult], metric: Metric) -> None:
    """Print the deciding metric of results that existed before: how they were made is not known."""
    cells = list(cells)
    has_latency = any(cell.speed for cell in cells)
    table = new_table("candidate", _label(metric), "answered", *(["p50 latency"] if has_latency else []))
    for column in table.columns[1:]:
        column.justify = "right"
    table.columns[1].style = "bold"
    table.columns[0].no_wrap = False
    for cell in cells:
        latency = f"{cell.speed.latency_p50:.2f} s" if cell.speed else ""
        answered = f"{cell.answered}/{cell.questions}"
        table.add_row(
            cell.candidate, _interval(cell.estimates.get(metric.name)), answered, *([latency] if has_latency else [])
        )
    console.print(table)


def _show_deciding_metric(console: Console, cells: Iterable[CellResult], metric: Metric) -> None:
    cells = list(cells)
    seeds = ["over seeds"] if any(cell.checkpoints for cell in cells) else []
    table = new_table("candidate", "model", _label(metric), *seeds, "answered", "p50 latency", "tokens/s")
    for column in table.columns[2:]:
        column.justify = "right"
    table.columns[2].style = "bold"
    table.columns[0].no_wrap = False
    for cell in cells:
        speed = cell.speed
        table.add_row(
            cell.candidate,
            "fine-tuned" if cell.fine_tuned else "base",
            _interval(cell.estimates.get(metric.name)),
            *([_spread(cell, metric.name)] if seeds else []),
            f"{cell.answered}/{cell.questions}",
            f"{speed.latency_p50:.2f} s" if speed else "",
            f"{speed.output_tokens_per_second:.0f}" if speed and speed.output_tokens_per_second else "",
        )
    console.print(table)


def _show_other_metrics(console: Console, cells: Sequence[CellResult], metrics: Sequence[Metric]) -> None:
    """Print the means of the metrics that do not decide, in as many tables as the width of the terminal needs."""
    for part in _fitting(metrics, console.width - max(len("candidate"), *(len(cell.candidate) for cell in cells))):
        table = new_table("candidate", *(_label(metric) for metric in part))
        for column in table.columns[1:]:
            column.justify = "right"
        for cell in cells:
            table.add_row(cell.candidate, *(_mean(cell.estimates.get(metric.name)) for metric in part))
        console.print()
        console.print(table)


def _fitting(metrics: Iterable[Metric], width: int) -> list[list[Metric]]:
    """Divide metrics into parts whose columns fit beside the names of the candidates."""
    parts: list[list[Metric]] = []
    used = width
    for metric in metrics:
        needed = _GAP + max(_NUMBER_WIDTH, len(_label(metric)))
        if used + needed > width:
            parts.append([])
            used = 0
        parts[-1].append(metric)
        used += needed
    return parts


def _label(metric: Metric) -> str:
    return metric.label or metric.name


def _interval(estimate: Estimate | None) -> str:
    return f"{number(estimate.mean)} {interval(estimate)}" if estimate else "-"


def _spread(cell: CellResult, metric: str) -> str:
    """Return the number of a recipe's seeds, and the standard deviation of their means."""
    spread = cell.spread.get(metric)
    return f"{len(cell.checkpoints)}, SD {number(spread)}" if spread is not None else ""


def _mean(estimate: Estimate | None) -> str:
    return f"{estimate.mean:.3f}" if estimate else "-"


def _show_models_of_evaluators(console: Console, results: Results) -> None:
    """Print which models evaluators used: a smaller one than the metric's usual one is no secret."""
    for evaluator in results.evaluators:
        for name, value in evaluator.provenance.items():
            if name.endswith("model"):
                console.print(Text(f"{evaluator.name}: {name.replace('_', ' ')} is {value}", style="dim"))
