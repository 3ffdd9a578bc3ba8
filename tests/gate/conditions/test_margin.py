"""No worse than a reference by more than a margin: the test of the verdict, with all that may be missing."""

from __future__ import annotations

import attrs
import numpy as np
import pytest

from llmops_sdk.gate.conditions.condition import Case
from llmops_sdk.gate.conditions.margin import NotWorseThan
from llmops_sdk.gate.outcome import Check, Outcome
from llmops_sdk.values.scores import Metric
from llmops_sdk.verdict.baseline import Baseline
from llmops_sdk.verdict.leaderboard import make_leaderboard
from llmops_sdk.verdict.table import Kind

from ..cases import EXACT, ROUGE, case_of, column_of, with_failures

RNG = np.random.default_rng(5)
OLD = RNG.uniform(0.3, 0.7, 120)
NOISE = RNG.normal(0, 0.05, 120)


def check(case: Case, margin: float = 0.02) -> Check:
    return NotWorseThan("rougeL", "old", margin).check(case)


def test_the_three_outcomes() -> None:
    """The bounds lie above minus the margin, below it, or on both sides of it."""
    go, no_go, undecided = (check(case_of({"new": OLD + NOISE + shift, "old": OLD})) for shift in (0.01, -0.1, -0.02))

    assert [Outcome.GO, Outcome.NO_GO, Outcome.INCONCLUSIVE] == [each.outcome for each in (go, no_go, undecided)]
    assert go.text.startswith("no worse than old by more than 0.02: +0.0")
    assert no_go.text.startswith("worse than old by more than 0.02: \N{MINUS SIGN}0.0")
    assert undecided.text.startswith("not decided whether it is no worse than old by more than 0.02: ")
    assert (-0.02, 120, None) == (go.limit, go.records, go.needed_records)
    assert undecided.needed_records is not None
    assert undecided.needed_records > 120
    assert undecided.text.endswith("records would decide it") or "more than 100,000" in undecided.text


def test_it_is_the_test_of_the_verdict_against_its_baseline() -> None:
    """The same numbers, to the last digit, as those of `baseline` and `margin` in a specification."""
    values = {"new": OLD + NOISE, "old": OLD}
    columns = [column_of(name, ROUGE, scores) for name, scores in values.items()]
    board = make_leaderboard("sales", "rougeL", columns, (), {"rougeL": ROUGE}, None, Baseline("old", 0.02))
    (margin,) = board.verdict.margins

    own = check(case_of(values))

    assert (margin.estimate.mean, margin.estimate.low, margin.estimate.high) == (own.measured, own.low, own.high)
    assert margin.no_worse == (own.outcome is Outcome.GO)


def test_lower_can_be_better() -> None:
    """The limit and the bounds are in the metric's own direction."""
    wer = Metric("rougeL", "WER", higher_is_better=False, bounds=(0.0, 1.0))

    go, no_go = (check(case_of({"new": OLD + NOISE + shift, "old": OLD}, wer)) for shift in (-0.01, 0.1))

    assert (Outcome.GO, Outcome.NO_GO) == (go.outcome, no_go.outcome)
    assert 0.02 == no_go.limit
    assert no_go.low is not None
    assert no_go.low > 0.02
    assert no_go.measured == pytest.approx(np.mean(NOISE) + 0.1)


def test_few_records_are_inconclusive() -> None:
    """They are the easiest way through a gate that passes without evidence."""
    few = check(case_of({"new": OLD[:9] + 0.3, "old": OLD[:9]}), 0.5)
    none = check(case_of({"new": [np.nan] * 20, "old": OLD[:20]}))

    assert Outcome.INCONCLUSIVE is few.outcome
    assert "; there are too few records; about 10 records would decide it" in few.text
    assert (Outcome.INCONCLUSIVE, None, 0) == (none.outcome, none.measured, none.records)
    assert none.text.endswith("they have no scored record in common")


def test_equal_answers_take_records_too() -> None:
    """Where nearly all differences are 0, made-up records keep the bounds apart; the needed number takes them into account."""
    same = np.array([1.0, 0.0] * 30)

    undecided = NotWorseThan("exact", "old", 0.02).check(case_of({"new": same, "old": same}, EXACT))
    needed = undecided.needed_records

    assert Outcome.INCONCLUSIVE is undecided.outcome
    assert needed is not None
    assert 100 < needed < 250
    many = np.resize(same, needed)
    assert Outcome.GO is NotWorseThan("exact", "old", 0.02).check(case_of({"new": many, "old": many}, EXACT)).outcome


def test_own_failures_count_as_the_worst_score() -> None:
    """They are outcomes of the candidate; a metric without a worst score decides nothing then."""
    case = case_of({"new": OLD + 0.01, "old": OLD})

    assert Outcome.GO is check(case).outcome
    assert Outcome.NO_GO is check(with_failures(case, 40)).outcome
    unbounded = attrs.evolve(ROUGE, bounds=None)
    problem = check(with_failures(case_of({"new": OLD + 0.01, "old": OLD}, unbounded), 1, unbounded))
    assert Outcome.INCONCLUSIVE is problem.outcome
    assert "records without a usable answer have no worst score to count as" in problem.text
    assert problem.needed_records is None


@pytest.mark.parametrize(("missing", "expected"), [(6, Outcome.GO), (12, Outcome.INCONCLUSIVE)])
def test_many_missing_scores_must_not_help(missing: int, expected: Outcome) -> None:
    """Above 5 %, a GO must also hold with the worst score in their place."""
    new = OLD + NOISE + 0.01
    new[:missing] = np.nan

    result = check(case_of({"new": new, "old": OLD}))

    assert expected is result.outcome
    assert 120 - missing == result.records


def test_many_missing_scores_must_not_hurt_either() -> None:
    """A NO-GO must also hold with the best score in place of the candidate's, and the worst in place of the reference's."""
    new, old = OLD + NOISE - 0.05, OLD.copy()
    assert Outcome.NO_GO is check(case_of({"new": new, "old": old})).outcome

    without = new.copy()
    without[:12] = np.nan
    old[:12] = np.nan

    assert Outcome.INCONCLUSIVE is check(case_of({"new": without, "old": OLD})).outcome
    assert Outcome.INCONCLUSIVE is check(case_of({"new": new, "old": old})).outcome


def test_a_record_without_a_value_is_left_out() -> None:
    """It is neither missing nor a failure."""
    new = OLD + NOISE + 0.01
    new[:30] = np.nan

    result = check(case_of({"new": new, "old": OLD}, without=Kind.UNDEFINED))

    assert (Outcome.GO, 90) == (result.outcome, result.records)


def test_clusters_widen_the_bounds() -> None:
    """Records of one document count as one."""
    shared = np.repeat(RNG.normal(0, 0.05, 12), 10)
    values = {"new": OLD + shared, "old": OLD}

    alone, grouped = check(case_of(values)), check(case_of(values, clusters=np.arange(120) // 10))

    assert alone.low is not None
    assert grouped.low is not None
    assert grouped.low < alone.low - 0.01


def test_the_best_of_several_must_hold_for_all() -> None:
    """Six equal candidates: the best of them has the bounds that hold for all six together."""
    values = {f"c{number}": OLD + RNG.normal(0, 0.05, 120) for number in range(6)}
    case = case_of({**values, "old": OLD}, candidate="c0")

    alone, chosen = check(case), check(attrs.evolve(case, chosen=attrs.evolve(case.chosen, rivals=tuple(values))))

    assert alone.measured == chosen.measured
    assert alone.low is not None
    assert chosen.low is not None
    assert chosen.low < alone.low


def test_training_seeds_are_a_source_of_chance() -> None:
    """The needed number is not given: more records alone may never decide it."""
    seeds = np.stack([OLD + NOISE + shift for shift in (-0.06, 0.0, 0.06)])

    one, recipe = check(case_of({"new": OLD + NOISE, "old": OLD})), check(case_of({"new": seeds, "old": OLD}))

    assert one.low is not None
    assert recipe.low is not None
    assert recipe.low < one.low - 0.02
    assert (Outcome.INCONCLUSIVE, None) == (recipe.outcome, recipe.needed_records)


def test_the_needed_number_decides_in_four_of_five_runs() -> None:
    """By simulation at the difference that was seen: 80 % power."""
    found = check(case_of({"new": OLD + NOISE - 0.02, "old": OLD}))
    needed, measured = found.needed_records, found.measured
    assert needed is not None
    assert measured is not None
    decided = 0
    for _ in range(100):
        old = RNG.uniform(0.3, 0.7, needed)
        new = old + RNG.normal(measured, float(np.std(NOISE)), needed)
        decided += check(case_of({"new": new, "old": old})).outcome is not Outcome.INCONCLUSIVE

    assert 65 <= decided <= 95
