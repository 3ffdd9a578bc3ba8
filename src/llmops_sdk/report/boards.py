"""The leaderboards of a report, with all that the page draws of them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import attrs

from llmops_sdk.record.layout import samples_file
from llmops_sdk.report.axes import Axis, interval_axis
from llmops_sdk.report.costs import CostPlot, cost_plot, has_costs
from llmops_sdk.report.data import MOST_BYTES, ReportData
from llmops_sdk.report.matrix import MatrixRow, pair_matrix
from llmops_sdk.report.records.pages import Candidates, DatasetRecords, board_cells, pack_records, parts_of
from llmops_sdk.report.records.streams import SideBySide
from llmops_sdk.values.boards import all_boards
from llmops_sdk.values.estimates import Difference, Estimate
from llmops_sdk.values.results import CellResult, Leaderboard, Results, Verdict
from llmops_sdk.values.scores import Metric
from llmops_sdk.values.serial import to_json
from llmops_sdk.verdict.baseline import margin_sentences

COLOURS = 10
"""Colours of candidates that the page has."""


@attrs.frozen
class Retained:
    """The outcome of retention, or of forms, as the page marks it: its state and the words for it."""

    state: str
    text: str


@attrs.frozen
class ReportBoard:
    """A leaderboard with all that the page draws of it.

    Attributes:
        board: The leaderboard.
        metrics: Those that a candidate has a number for, the one that decides first.
        scales: Metric name to the common scale of the candidates' intervals.
        gap_scales: Metric name to the common scale of the differences.
        best: The best candidate, or None.
        lead: The difference of the best to the next candidate, or None where there is no next.
        records: The test records.
        matrix: All pairs of candidates in the metric that decides; empty for two.
        is_retention: Whether it shows what fine-tuning broke.
        cost_plot: Quality, latency and cost of the candidates, or None.
    """

    board: Leaderboard
    metrics: tuple[Metric, ...]
    scales: Mapping[str, Axis]
    gap_scales: Mapping[str, Axis]
    best: CellResult | None
    lead: Difference | None
    records: DatasetRecords
    matrix: tuple[MatrixRow, ...]
    is_retention: bool = False
    cost_plot: CostPlot | None = None

    @property
    def has_costs(self) -> bool:
        """Whether anything is known of what candidates cost."""
        return not self.is_retention and has_costs(self.board.cells)

    @property
    def details(self) -> str:
        """The verdict's text without its headline, and without what the page lists on its own: the candidates against the baseline."""
        return verdict_details(self.board.verdict)

    @property
    def retained(self) -> Retained | None:
        """What the page marks as the outcome of retention; None on another board, and where no candidate can be compared."""
        margins = self.board.verdict.margins
        if not self.is_retention or not margins:
            return None
        if all(margin.no_worse for margin in margins) and not self.board.failed:
            return Retained("settled", "Nothing lost by more than the margin")
        is_lost = any(margin.worse for margin in margins)
        return Retained("unsettled", "Lost more than the margin" if is_lost else "Not settled")

    @property
    def equivalence(self) -> Retained | None:
        """What the page marks as the outcome of forms; None where other candidates are compared too."""
        forms = [form for family in self.board.forms for form in family.forms]
        names = {form.candidate for form in forms} | {family.reference for family in self.board.forms}
        if not forms or any(cell.candidate not in names for cell in self.board.cells):
            return None
        outcomes = {form.outcome for form in forms}
        if outcomes & {"worse", "better"}:
            return Retained("unsettled", "Not equivalent")
        is_shown = outcomes == {"equivalent"} and not any(family.without for family in self.board.forms)
        return Retained("settled", "Equivalent") if is_shown else Retained("unsettled", "Not settled")

    @property
    def corrected(self) -> Estimate | None:
        """The best one's mean, corrected with people's grades, where they decide; else None."""
        grading = self.board.grading
        if grading is None or grading.metric != self.board.metric:
            return None
        return grading.means.get(self.board.verdict.best)

    def gaps(self, metric: str) -> list[Difference]:
        """Return the differences from the best, in the order of the table."""
        by_candidate = {d.candidate: d for d in self.board.differences if d.metric == metric}
        return [by_candidate[cell.candidate] for cell in self.board.cells if cell.candidate in by_candidate]


def verdict_details(verdict: Verdict) -> str:
    """Return a verdict's text without its headline, and without the sentences on the baseline."""
    text = verdict.text.removeprefix(verdict.headline)
    for sentence in margin_sentences(verdict.margins):
        text = text.replace(sentence, "", 1)
    return " ".join(text.split()) if verdict.headline else ""


def report_boards(report: ReportData, colours: Mapping[str, int]) -> list[ReportBoard]:
    """Return the leaderboards of a report.

    Args:
        report: The report.
        colours: Candidate to its colour.
    """
    boards = all_boards(report.results)
    reported: list[ReportBoard] = []
    left = MOST_BYTES
    for place, board in enumerate(boards):
        reported.append(_report_board(board, report, colours, limit=left // (len(boards) - place)))
        left -= reported[-1].records.packed.size
    return reported


def candidate_colours(results: Results) -> dict[str, int]:
    """Give every candidate the same colour throughout the page."""
    names: dict[str, None] = {}
    for board in all_boards(results):
        names |= dict.fromkeys(cell.candidate for cell in board.cells)
        names |= dict.fromkeys(cell.candidate for cell in board.failed)
    return {name: place % COLOURS for place, name in enumerate(names)}


def _report_board(board: Leaderboard, report: ReportData, colours: Mapping[str, int], *, limit: int) -> ReportBoard:
    metrics = board_metrics(board, report.results)
    return ReportBoard(
        board=board,
        metrics=metrics,
        scales={
            m.name: interval_axis(
                (cell.estimates[m.name] for cell in board.cells if m.name in cell.estimates),
                *(mean for cell in board.cells for mean in cell.means(m.name)),
            )
            for m in metrics
        },
        gap_scales={
            m.name: interval_axis((d.estimate for d in board.differences if d.metric == m.name), 0.0) for m in metrics
        },
        best=next((cell for cell in board.cells if cell.candidate == board.verdict.best), None),
        lead=_lead(board),
        records=_records(board, report, metrics, colours, limit=limit),
        matrix=pair_matrix(board, lower_is_better=bool(metrics) and metrics[0].higher_is_better is False),
        is_retention=board is report.results.retention,
        cost_plot=cost_plot(board),
    )


def _records(
    board: Leaderboard,
    report: ReportData,
    metrics: tuple[Metric, ...],
    colours: Mapping[str, int],
    *,
    limit: int,
) -> DatasetRecords:
    cells = board_cells(board, report.samples)
    names = [part.cell for cell in cells for part in parts_of(cell)]
    rows = SideBySide({name: report.samples[name] for name in names if name in report.samples})
    candidates = Candidates(colours=colours)
    pack = partial(pack_records, board, cells, rows, metrics, candidates, limit=limit, damages=rows.damages)
    if report.kept is None:
        packed = pack()
    else:
        shown = [
            board.dataset,
            board.verdict.best,
            *(to_json(each) for each in (*cells, *metrics)),
            dict(colours),
            limit,
        ]
        packed = report.kept.get(list(rows.samples), shown, pack)
    counts = [cell.records for cell in board.cells]
    counts += [dataset.test for dataset in report.datasets if dataset.name == board.dataset]
    files = tuple(samples_file(part.cell) for cell in board.cells for part in cell.parts)
    return DatasetRecords(dataset=board.dataset, packed=packed, total=max([*counts, packed.shown]), files=files)


def board_metrics(board: Leaderboard, results: Results) -> tuple[Metric, ...]:
    """Return the metrics that a candidate has a number for, the one that decides first."""
    known = {metric.name: metric for evaluator in results.evaluators for metric in evaluator.metrics}
    seen = dict.fromkeys(name for cell in board.cells for name in cell.estimates)
    names = [name for name in known if name in seen] + [name for name in seen if name not in known]
    names.sort(key=lambda name: name != board.metric)
    return tuple(known.get(name, Metric(name)) for name in names)


def _lead(board: Leaderboard) -> Difference | None:
    """Return the difference of the best to the next candidate, or None where there is no next."""
    best = board.verdict.best
    to_best = {d.candidate: d for d in board.differences if d.metric == board.metric and d.versus == best}
    behind = next((to_best[cell.candidate] for cell in board.cells if cell.candidate in to_best), None)
    if behind is None:
        return None
    gap = behind.estimate
    low, high = (None if end is None else -end for end in (gap.high, gap.low))
    ahead = Estimate(-gap.mean, low, high, gap.records)
    return Difference(best, behind.candidate, board.metric, ahead, better=behind.worse, worse=behind.better)
