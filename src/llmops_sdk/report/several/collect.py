"""From the records of several runs to one report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from string import ascii_uppercase

from llmops_sdk.errors import SpecError
from llmops_sdk.record.run import Run
from llmops_sdk.report.boards import COLOURS
from llmops_sdk.report.collect import collect
from llmops_sdk.report.data import MOST_BYTES
from llmops_sdk.report.render import render_page, write_page
from llmops_sdk.report.several.aspects import aspects, evaluator_keys
from llmops_sdk.report.several.data import Aspect, ReportedRun, SeveralData, SharedDataset
from llmops_sdk.report.several.dataset import BoardOfRun, DatasetMaker, group_boards
from llmops_sdk.report.several.words import in_words, labelled

MOST_RUNS = len(ascii_uppercase)


def report_runs(runs: Sequence[Run], path: Path) -> str:
    """Write one report over several runs to a file, and return its path.

    Args:
        runs: Two or more runs with results.
        path: The file.

    Raises:
        RunNotFoundError: A run has no results yet.
        SpecError: The same run is named twice, or more than 26 runs.
    """
    data = collect_runs(runs)
    records = [dataset.records for dataset in data.datasets]
    return str(write_page(render_page("several.html.jinja", {"data": data, "colours": data.colours}, records), path))


def collect_runs(runs: Sequence[Run]) -> SeveralData:
    """Gather from the records of several runs all that their report shows; see `report_runs`."""
    _check(runs)
    reports = [collect(run) for run in runs]
    reported = tuple(ReportedRun(letter, report) for letter, report in zip(ascii_uppercase, reports, strict=False))
    boards = [BoardOfRun(at, board, run) for at, run in enumerate(reported) for board in run.data.results.leaderboards]
    graders = [evaluator_keys(run, report) for run, report in zip(runs, reports, strict=True)]
    groups = group_boards(boards)
    labels = [labelled(board.letter, name) for board in boards for name in board.names]
    colours = {label: place % COLOURS for place, label in enumerate(dict.fromkeys(labels))}
    datasets: list[SharedDataset] = []
    data: list[Aspect] = []
    left = MOST_BYTES
    for place, group in enumerate(groups):
        maker = DatasetMaker(reported, group, graders, colours)
        datasets.append(maker.dataset(limit=left // (len(groups) - place)))
        data.append(maker.aspect)
        left -= datasets[-1].records.packed.size
    shared = (*data, *aspects(runs, reports))
    command = "" if _hindrances(shared) else f"llmops compare {' '.join(run.id for run in runs)}"
    return SeveralData(
        runs=reported,
        aspects=shared,
        datasets=tuple(datasets),
        colours=colours,
        advice=_advice(shared),
        command=command,
    )


def _check(runs: Sequence[Run]) -> None:
    repeated = next((run.id for place, run in enumerate(runs) if run.id in [other.id for other in runs[:place]]), None)
    if repeated is not None:
        message = f"run {repeated!r} is named twice: name each run once"
        raise SpecError(message)
    if len(runs) > MOST_RUNS:
        message = f"a report has at most {MOST_RUNS} runs, not {len(runs)}"
        raise SpecError(message)


def _advice(shared: Sequence[Aspect]) -> str:
    """Return what a reader must know of verdicts over candidates of different runs."""
    start = "Each verdict is that of one run. Candidates of different runs are not tested against each other here"
    if differing := _hindrances(shared):
        return f"{start}, because the runs differ in {in_words(differing)}."
    return f"{start}. They share data, generation options and evaluators: one verdict over all of them is that of"


def _hindrances(shared: Sequence[Aspect]) -> list[str]:
    """Return what keeps candidates of different runs from being compared."""
    kinds = ("data", "generation", "evaluators")
    return [aspect.label for aspect in shared if aspect.kind in kinds and not aspect.is_same]
