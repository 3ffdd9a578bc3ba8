"""What a gate reads of a run is what its verdict rests on."""

from __future__ import annotations

import numpy as np
import pytest

from llmops_sdk import Run
from llmops_sdk.errors import RunNotFoundError, SpecError
from llmops_sdk.gate.evidence import hash_records, read_evidence

from .conftest import RunIt, echoes


def test_the_scores_are_those_of_the_verdict(finished: Run) -> None:
    """The means of all candidates in all metrics; the hashes are of the test records, one each."""
    evidence = read_evidence(finished)

    (dataset,), (board,) = evidence.datasets, finished.results().leaderboards
    for cell in board.cells:
        for metric, estimate in cell.estimates.items():
            assert estimate.mean == np.mean(dataset.columns[cell.candidate].scores[metric].numbers)
    assert {"exact", "noise"} == evidence.metrics.keys()
    assert 60 == len(dataset.hashes) == len(set(dataset.hashes))
    assert {16} == {len(name) for name in dataset.hashes}
    assert list(range(60)) == dataset.labels.tolist()


def test_latencies_are_those_of_the_answers(finished: Run) -> None:
    """One for each answer, with the place of its record."""
    (dataset,) = read_evidence(finished).datasets

    answers = list(dataset.latencies("loud"))

    assert list(range(60)) == [place for place, _ in answers]
    assert all(seconds is not None and 0 < seconds < 10 for _, seconds in answers)


def test_a_hash_is_of_the_content_alone() -> None:
    """The order of fields makes no difference, another value does; equal records are told apart by their number."""
    records = [
        {"instruction": "x", "response": "y"},
        {"response": "z", "instruction": "x"},
        {"instruction": "x", "response": "y."},
        {"response": "y", "instruction": "x"},
    ]

    a, b, changed, again = hash_records(records)

    assert 3 == len({a, b, changed})
    assert f"{a}:2" == again


def test_runs_that_cannot_be_judged_are_refused(run_it: RunIt, finished: Run) -> None:
    """Planned looks, and a run that is not finished."""
    looks = run_it(echoes(40).with_early_stopping(2))
    with pytest.raises(SpecError, match="was planned with stop_early, and a gate needs all records"):
        read_evidence(looks)
    unfinished = Run.create(finished.store, finished.plan)
    with pytest.raises(RunNotFoundError, match=f"is not finished: finish it with: llmops run --resume {unfinished.id}"):
        read_evidence(unfinished)


def test_a_failed_candidate_is_named_with_its_step(run_it: RunIt) -> None:
    """The others are read all the same."""
    pipeline = echoes(40, voices=("quiet",)).with_model("echo", name="bad", trainer={"fails": True})
    run = run_it(pipeline)

    evidence = read_evidence(run)

    assert ["quiet"] == list(evidence.datasets[0].columns)
    assert evidence.failures["lines", "bad"].startswith("step train.bad.bare.lines failed: ")
