"""Which candidate is judged, and among how many it was chosen by the scores."""

from __future__ import annotations

import pytest

from llmops_sdk import Run
from llmops_sdk.errors import SpecError
from llmops_sdk.gate.candidate import choose_candidate
from llmops_sdk.gate.evidence import read_evidence

from .conftest import RunIt, echoes


def test_a_named_candidate_has_no_rivals(finished: Run) -> None:
    """A candidate or a model with one prompt may be named; another name is refused with the nearest one."""
    evidence = read_evidence(finished)

    chosen = choose_candidate(evidence, finished.results(), "quiet")
    assert ("quiet", ("quiet",)) == (chosen.candidate, chosen.rivals)
    with pytest.raises(SpecError, match="has no candidate 'quite'; did you mean 'quiet'"):
        choose_candidate(evidence, finished.results(), "quite")


def test_the_best_by_the_verdict_has_all_as_rivals(finished: Run) -> None:
    """It was chosen by the scores that it is judged by, which is stated."""
    chosen = choose_candidate(read_evidence(finished), finished.results(), "")

    assert "loud" == chosen.candidate
    assert ("loud", "quiet", "unsteady-1", "unsteady-2") == chosen.rivals
    assert "the best of 4 by the verdict of the run; --candidate names another" == chosen.reason


def test_the_only_candidate_is_judged(run_it: RunIt) -> None:
    """Nothing was chosen."""
    run = run_it(echoes(voices=("quiet",)))

    chosen = choose_candidate(read_evidence(run), run.results(), "")

    assert ("quiet", "the only candidate") == (chosen.candidate, chosen.reason)


def test_different_best_candidates_are_refused(run_it: RunIt) -> None:
    """On two datasets, with the same mean on one of them, a name is needed."""
    pipeline = echoes(40, voices=("unsteady-1", "unsteady-4")).with_dataset("lines", name="more", records=40, seed=3)
    run = run_it(pipeline)
    best = [board.verdict.best for board in run.results().leaderboards]

    assert 2 == len(set(best)), "choose other seeds"
    with pytest.raises(
        SpecError, match=f"different best candidates, {best[0]} and {best[1]}: name one with --candidate"
    ):
        choose_candidate(read_evidence(run), run.results(), "")
