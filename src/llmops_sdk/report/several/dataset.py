"""A dataset of several runs: which of their leaderboards have its records, and the records of all of them."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice

import attrs

from llmops_sdk.record.layout import RunLayout
from llmops_sdk.report.axes import interval_axis
from llmops_sdk.report.boards import board_metrics
from llmops_sdk.report.records.pages import Candidates, DatasetRecords, pack_records
from llmops_sdk.report.records.streams import SideBySide
from llmops_sdk.report.several.data import Aspect, Candidate, ReportedRun, SharedDataset
from llmops_sdk.report.several.pairing import Pairing, pair, paired_rows, record_keys
from llmops_sdk.report.several.words import in_words, labelled
from llmops_sdk.values.results import CellResult, FailedCell, Leaderboard, Verdict
from llmops_sdk.values.samples import Sample
from llmops_sdk.values.scores import Metric


@attrs.define
class BoardOfRun:
    """The leaderboard of one run on one dataset.

    Attributes:
        at: The place of the run.
        board: The leaderboard.
        run: The run.
        keys: What pairs its records, in their order.
    """

    at: int
    board: Leaderboard
    run: ReportedRun
    keys: tuple[str, ...] = attrs.field(init=False)

    @keys.default
    def _read_keys(self) -> tuple[str, ...]:
        """Read the records: all cells of a dataset have the same, so the first one that can be read has them."""
        longest: tuple[str, ...] = ()
        for cell, samples in self.streams:
            rows = SideBySide({cell: samples})
            longest = max(longest, record_keys(row.first.record for row in rows), key=len)
            if not rows.damages:
                break
        return longest

    @property
    def letter(self) -> str:
        """The letter of the run."""
        return self.run.letter

    @property
    def names(self) -> list[str]:
        """The candidates, those that failed last."""
        cells: tuple[CellResult | FailedCell, ...] = (*self.board.cells, *self.board.failed)
        return [cell.candidate for cell in cells]

    @property
    def streams(self) -> Iterator[tuple[str, Iterable[Sample]]]:
        """Each cell with samples, under a name that no other run has."""
        samples = self.run.data.samples
        for part in (part for cell in self.board.cells for part in cell.parts if part.cell in samples):
            yield _cell(self, part.cell), samples[part.cell]


def group_boards(boards: Sequence[BoardOfRun]) -> list[list[BoardOfRun]]:
    """Return the boards that share records, at most one of each run in a group; a common name breaks ties."""
    groups: list[list[BoardOfRun]] = []
    for board in boards:
        keys = set(board.keys)
        fits = [
            (len(keys & set(group[0].keys)), group[0].board.dataset == board.board.dataset, -place)
            for place, group in enumerate(groups)
            if all(other.at != board.at for other in group)
        ]
        best = max((fit for fit in fits if fit[0]), default=None)
        if best is None:
            groups.append([board])
        else:
            groups[-best[2]].append(board)
    return groups


@attrs.define
class DatasetMaker:
    """Makes one dataset of the page from the boards of the runs."""

    runs: Sequence[ReportedRun]
    group: Sequence[BoardOfRun]
    graders: Sequence[Mapping[str, str]]
    colours: Mapping[str, int]
    pairing: Pairing = attrs.field(init=False)

    @pairing.default
    def _pair(self) -> Pairing:
        return pair([board.keys for board in self.group])

    @property
    def name(self) -> str:
        """The names of the dataset in the runs."""
        return " / ".join(dict.fromkeys(board.board.dataset for board in self.group))

    @property
    def is_shared(self) -> bool:
        """Whether all runs have exactly the same records."""
        return len(self.group) == len(self.runs) and self.pairing.common == self.pairing.total

    @property
    def aspect(self) -> Aspect:
        """Whether the runs have the same records."""
        is_paired = not self.is_shared and len(self.group) > 1
        common = f", {self.pairing.common:,} of them in all" if is_paired else ""
        counts = {board.at: f"{len(board.keys):,} test records{common}" for board in self.group}
        values = tuple(counts.get(at, "") for at in range(len(self.runs)))
        return Aspect("data", self.name, values, self.is_shared)

    def dataset(self, *, limit: int) -> SharedDataset:
        """Return the dataset with its records, which take at most `limit` bytes."""
        metrics = self._metrics()
        candidates = [
            Candidate(board.letter, labelled(board.letter, cell.candidate), _renamed(cell, board))
            for board in self.group
            for cell in board.board.cells
        ]
        failed = [
            attrs.evolve(cell, candidate=labelled(board.letter, cell.candidate))
            for board in self.group
            for cell in board.board.failed
        ]
        groups = self._grader_groups(metrics)
        return SharedDataset(
            name=self.name,
            notes=tuple(self._notes(metrics, groups)),
            candidates=tuple(candidates),
            failed=tuple(failed),
            metrics=tuple(metrics),
            scales={
                metric.name: interval_axis(
                    each.result.estimates[metric.name] for each in candidates if metric.name in each.result.estimates
                )
                for metric in metrics
            },
            records=self._records(candidates, metrics, groups, limit),
        )

    def _metrics(self) -> list[Metric]:
        """Return the metrics of all runs by name, those that decide first."""
        by_name: dict[str, Metric] = {}
        deciding = [board.board.metric for board in self.group]
        for board in self.group:
            for metric in board_metrics(board.board, board.run.data.results):
                by_name.setdefault(metric.name, metric)
        return sorted(by_name.values(), key=lambda metric: metric.name not in deciding)

    def _grader_groups(self, metrics: Sequence[Metric]) -> list[list[int]]:
        """Return for each board a number for each metric; where two differ, the metric is graded in different ways."""
        numbers: dict[tuple[str, str], int] = {}
        groups = []
        for board in self.group:
            by_metric = {
                metric.name: self.graders[board.at].get(info.name, "")
                for info in board.run.data.results.evaluators
                for metric in info.metrics
            }
            own = [(metric.name, by_metric.get(metric.name, "")) for metric in metrics]
            groups.append([numbers.setdefault(key, len(numbers)) for key in own])
        return groups

    def _notes(self, metrics: Sequence[Metric], groups: Sequence[Sequence[int]]) -> Iterator[str]:
        letters = [board.letter for board in self.group]
        if len(letters) == 1:
            yield f"Only run {letters[0]} has these records: there is nothing to pair them with."
            return
        if self.pairing.common == self.pairing.total:
            yield f"Runs {in_words(letters)} have the same {self.pairing.total:,} records, paired by their content."
        else:
            counts = in_words([f"{len(board.keys):,} of run {board.letter}" for board in self.group])
            yield (
                f"{self.pairing.common:,} records are in all of runs {in_words(letters)}: paired by their content, of {counts}. "
                "Means are of each run's own records."
            )
        for place, metric in enumerate(metrics):
            shared = [
                (board, own[place])
                for board, own in zip(self.group, groups, strict=True)
                if any(metric.name in cell.estimates for cell in board.board.cells)
            ]
            if len({number for _, number in shared}) > 1:
                graded = in_words([board.letter for board, _ in shared])
                yield f"{metric.label or metric.name} is not graded in the same way in runs {graded}: its scores are not compared among them."

    def _records(
        self, candidates: Sequence[Candidate], metrics: Sequence[Metric], groups: Sequence[Sequence[int]], limit: int
    ) -> DatasetRecords:
        streams = [SideBySide(dict(board.streams)) for board in self.group]
        letters = [board.letter for board in self.group]
        cells = tuple(each.result for each in candidates)
        view = Candidates(
            colours=self.colours,
            graders={each.label: groups[letters.index(each.letter)] for each in candidates},
            runs={each.label: each.letter for each in candidates},
        )
        board = Leaderboard(self.name, "", cells, (), (), Verdict("", settled=False, tied=(), text=""))
        damages = ChainMap(*(rows.damages for rows in streams))
        packed = pack_records(
            board, cells, paired_rows(streams, self.pairing), metrics, view, limit=limit, damages=damages
        )
        files = tuple(
            RunLayout(each.run.data.results.run_id).samples(part.cell)
            for each in self.group
            for cell in each.board.cells
            for part in islice(cell.parts, 1)
        )
        return DatasetRecords(dataset=self.name, packed=packed, total=self.pairing.total, files=files)


def _cell(board: BoardOfRun, cell: str) -> str:
    return f"{board.letter}/{cell}"


def _renamed(cell: CellResult, board: BoardOfRun) -> CellResult:
    return attrs.evolve(
        cell,
        cell=_cell(board, cell.cell),
        candidate=labelled(board.letter, cell.candidate),
        checkpoints=tuple(attrs.evolve(part, cell=_cell(board, part.cell)) for part in cell.checkpoints),
    )
