"""Conditions on a graded metric: corrected numbers decide, few grades decide nothing."""

from __future__ import annotations

import attrs
import numpy as np
import pytest

from llmops_sdk.gate.conditions.condition import Case
from llmops_sdk.gate.conditions.graded import find_difference, find_mean, is_graded
from llmops_sdk.gate.conditions.margin import NotWorseThan
from llmops_sdk.gate.conditions.mean import MeanAtLeast, MeanAtMost
from llmops_sdk.gate.outcome import Outcome
from llmops_sdk.values.grades import Grade, Grades
from llmops_sdk.values.scores import Metric

from ..cases import case_of

JUDGE = Metric("judge", bounds=(1.0, 5.0))
COST = Metric("cost", higher_is_better=False, bounds=(0.0, 10.0))
RECORDS = 200


def graded_case(graded: int = 60, metric: Metric = JUDGE, rivals: tuple[str, ...] = ()) -> Case:
    """'new' and 'old' are equally good by people, 3 on average; the judge gives 'new' a point more."""
    rng = np.random.default_rng(5)
    people = {name: np.clip(3 + rng.normal(0, 0.8, RECORDS), 1, 5) for name in ("new", "old")}
    judge = {name: people[name] + rng.normal(0, 0.3, RECORDS) for name in people}
    judge["new"] = judge["new"] + 1
    judge = {name: np.clip(scores, 1, 5) for name, scores in judge.items()}
    grades = [Grade("sales", name, place, "ann", people[name][place]) for name in people for place in range(graded)]
    case = case_of(judge, metric, rivals=rivals)
    found = Grades(metric.name, {"sales": tuple(range(graded))}, tuple(grades))
    return attrs.evolve(case, run=attrs.evolve(case.run, grades=found))


def test_a_mean_that_only_the_judge_sees_is_not_shown() -> None:
    """The judge gives 4, people 3: at least 3.6 is broken, and at least 2.7 holds, with grades; the words name them."""
    case = graded_case()
    alone = attrs.evolve(case, run=attrs.evolve(case.run, grades=None))

    assert Outcome.GO is MeanAtLeast("judge", 3.6).check(alone).outcome
    broken = MeanAtLeast("judge", 3.6).check(case)
    assert (Outcome.NO_GO, RECORDS, None) == (broken.outcome, broken.records, broken.needed_records)
    assert broken.text.endswith("on 200 records; corrected with people's grades on 60 records")
    assert Outcome.GO is MeanAtLeast("judge", 2.7).check(case).outcome
    assert broken.measured is not None
    assert broken.low is not None
    assert broken.high is not None
    assert 2.7 < broken.low < broken.measured < broken.high < 3.4


def test_a_difference_that_only_the_judge_sees_is_not_shown() -> None:
    """By the judge, 'old' is a point worse than 'new'; by people it is no worse by more than .5."""
    case = graded_case()
    case = attrs.evolve(case, chosen=attrs.evolve(case.chosen, candidate="old", rivals=("old",)))
    alone = attrs.evolve(case, run=attrs.evolve(case.run, grades=None))

    assert Outcome.NO_GO is NotWorseThan("judge", "new", 0.5).check(alone).outcome
    check = NotWorseThan("judge", "new", 0.5).check(case)
    assert Outcome.GO is check.outcome
    assert "corrected with people's grades on 60 records" in check.text


def test_a_smaller_number_may_be_the_better_one() -> None:
    """Of a metric of which less is better: at most, and no worse in its own direction."""
    case = graded_case(metric=COST)

    assert Outcome.GO is MeanAtMost("cost", 3.4).check(case).outcome
    check = NotWorseThan("cost", "old", 0.6).check(case)
    assert Outcome.GO is check.outcome
    assert check.high is not None
    assert check.measured is not None
    assert check.low is not None
    assert check.low < check.measured < check.high < 0.6


def test_few_grades_decide_nothing() -> None:
    """Nine graded records, or none with a grade of every candidate: inconclusive, with the reason."""
    few = MeanAtLeast("judge", 1.5).check(graded_case(9))

    assert Outcome.INCONCLUSIVE is few.outcome
    assert "people graded every candidate on 9 of them only, and it takes 10" in few.text
    none = MeanAtLeast("judge", 1.5).check(graded_case(0))
    assert (Outcome.INCONCLUSIVE, None) == (none.outcome, none.measured)
    assert "people graded every candidate on 0 of them only" in none.text


def test_many_missing_scores_decide_nothing() -> None:
    """A tenth of the candidate's scores are missing: nothing is claimed of it."""
    case = graded_case()
    scores = case.evidence.columns["new"].scores["judge"]
    scores.numbers[..., 150:170], scores.kinds[..., 150:170] = np.nan, 2

    assert "many scores are missing" in MeanAtLeast("judge", 1.5).check(case).text


def test_a_choice_by_the_data_widens_the_bounds() -> None:
    """The best of two is held to half of the level."""
    one, two = (
        find_mean(graded_case(rivals=rivals), JUDGE, 3.0, is_least=True) for rivals in (("new",), ("new", "old"))
    )

    assert one is not None
    assert two is not None
    assert one.finding.low is not None
    assert two.finding.low is not None
    assert two.finding.low < one.finding.low


@pytest.mark.parametrize("name", ["other", "judge"])
def test_without_grades_of_the_metric_nothing_is_corrected(name: str) -> None:
    """Grades of another metric, or of another dataset."""
    case = graded_case()
    grades = Grades(name, {"sales": ()} if name == "other" else {"cities": (0,)}, ())
    case = attrs.evolve(case, run=attrs.evolve(case.run, grades=grades))

    assert not is_graded(case.run, case.evidence, "judge")
    assert find_mean(case, JUDGE, 3.0, is_least=True) is None
    assert find_difference(case, JUDGE, "old", 0.5) is None
