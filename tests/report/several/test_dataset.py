"""Datasets of several runs: whose records they share, and what of them can be compared."""

from __future__ import annotations

from collections.abc import Sequence

from llmops_sdk.plugin import Run
from llmops_sdk.report.collect import collect
from llmops_sdk.report.records.pages import inflate
from llmops_sdk.report.several.data import ReportedRun, SharedDataset
from llmops_sdk.report.several.dataset import BoardOfRun, DatasetMaker, group_boards

from .conftest import MakeRun


def boards(*runs: Run) -> list[BoardOfRun]:
    """Return the leaderboards of runs."""
    reported = [ReportedRun(letter, collect(run)) for letter, run in zip("ABC", runs, strict=False)]
    return [BoardOfRun(at, board, run) for at, run in enumerate(reported) for board in run.data.results.leaderboards]


def dataset(group: Sequence[BoardOfRun], *graders: str) -> SharedDataset:
    """Return the dataset of runs, whose evaluators have the given keys."""
    colours = {f"echo ({board.letter})": place for place, board in enumerate(group)}
    keys = [{"echo-score": grader} for grader in graders]
    return DatasetMaker([board.run for board in group], group, keys, colours).dataset(limit=10**6)


def test_boards_with_common_records_are_one_dataset(make_run: MakeRun) -> None:
    """Others are datasets of their own, even under the same name."""
    groups = group_boards(boards(make_run(), make_run("other", seed=3), make_run("small", records=4, seed=1)))

    assert [["A", "B", "C"]] == [[board.letter for board in group] for group in groups]


def test_all_that_runs_share_is_compared(make_run: MakeRun) -> None:
    """The same records and the same grader: one table, with a candidate of each run."""
    shared = dataset(boards(make_run(), make_run("other", voice="quiet")), "k", "k")

    assert ("Runs A and B have the same 10 records, paired by their content.",) == shared.notes
    assert ["echo (A)", "echo (B)"] == [candidate.label for candidate in shared.candidates]
    assert ["exact", "noise"] == [metric.name for metric in shared.metrics]
    index = inflate(shared.records.packed.index)
    first, second = index["candidates"]
    assert first["graders"] == second["graders"]
    assert ("A", "B") == (first["run"], second["run"])
    assert (10, 10) == (shared.records.total, len(index["indexes"]))
    assert [[1.0] * 10, [0.0] * 10] == [numbers["scores"][0] for numbers in index["numbers"]]


def test_records_of_one_run_only_are_counted(make_run: MakeRun) -> None:
    """Each has the answers of the runs that have it."""
    shared = dataset(boards(make_run(), make_run("other", seed=3)), "k", "k")

    (note,) = shared.notes
    common = int(note.split()[0])
    assert 0 < common < 10
    assert (
        f"{common} records are in all of runs A and B: paired by their content, of 10 of run A and 10 of run B." in note
    )
    index = inflate(shared.records.packed.index)
    assert 20 - common == shared.records.total == len(index["indexes"])
    answered = [sum(score is not None for score in numbers["scores"][0]) for numbers in index["numbers"]]
    assert [10, 10] == answered


def test_the_common_records_are_part_of_the_aspect(make_run: MakeRun) -> None:
    """The numbers of records alone do not show that the data differ."""
    group = boards(make_run(), make_run("other", seed=3))
    maker = DatasetMaker([board.run for board in group], group, [{}, {}], {})

    assert not maker.aspect.is_same
    common = f"{maker.pairing.common} of them in all"
    assert (f"10 test records, {common}", f"10 test records, {common}") == maker.aspect.values


def test_scores_of_other_graders_are_not_compared(make_run: MakeRun) -> None:
    """The page has what tells them apart, and a note names the metrics and the runs."""
    shared = dataset(boards(make_run(), make_run("other")), "one", "two")

    assert (
        "Exact match is not graded in the same way in runs A and B: its scores are not compared among them."
        in shared.notes
    )
    first, second = inflate(shared.records.packed.index)["candidates"]
    assert first["graders"] != second["graders"]


def test_a_dataset_of_one_run_has_nothing_to_pair(make_run: MakeRun) -> None:
    """The note names the run."""
    (board,) = boards(make_run())

    shared = dataset([board], "k")

    assert ("Only run A has these records: there is nothing to pair them with.",) == shared.notes
