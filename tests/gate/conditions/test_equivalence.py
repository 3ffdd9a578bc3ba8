"""`equivalent`: two one-sided tests against the first form. Whole gates are in `tests/end_to_end/test_forms.py`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from scipy import stats

from llmops_sdk import Pipeline, Registry, SpecError
from llmops_sdk.errors import DataError
from llmops_sdk.gate.conditions.condition import Case
from llmops_sdk.gate.conditions.equivalence import Equivalent, family_of
from llmops_sdk.gate.conditions.registry import conditions_from
from llmops_sdk.gate.outcome import Outcome
from llmops_sdk.values.forms import PlannedForms
from llmops_sdk.values.plan import Cell

from ..cases import case_of

REFERENCE = np.random.default_rng(9).uniform(0.3, 0.7, 100)
CONDITION = Equivalent("equivalent", 0.05)


def noise(seed: int, deviation: float = 0.05) -> Any:
    """Small differences with the mean 0."""
    values = np.random.default_rng(seed).normal(0, deviation, 100)
    return values - values.mean()


def case(values: Mapping[str, Any], candidate: str, forms: tuple[str, ...] = (), **others: Any) -> Case:
    """A case whose first candidate is the reference of the others."""
    made = case_of(values, candidate=candidate, **others)
    names = forms or tuple(values)
    plan = made.run.run.plan
    plan.forms = (PlannedForms("m", names, 0.05),)  # type: ignore[misc]
    plan.cells = tuple(Cell(f"{name}.p.d", name, name, "p", "d") for name in names)  # type: ignore[misc]
    plan.metric = "rougeL"  # type: ignore[misc]
    return made


def test_it_has_a_margin() -> None:
    """Above 0."""
    (condition,) = conditions_from("equivalent", {"margin": 0.1}, "gate")
    assert Equivalent("equivalent", 0.1) == condition
    with pytest.raises(SpecError, match=r"gate: equivalent: margin is the difference that does not matter, .* above 0"):
        list(conditions_from("equivalent", {"margin": 0}, "gate"))


@pytest.mark.parametrize(
    ("shift", "outcome"),
    [(0.0, Outcome.GO), (0.06, Outcome.INCONCLUSIVE), (-0.06, Outcome.NO_GO), (0.1, Outcome.NO_GO)],
)
def test_both_bounds_count(shift: float, outcome: Outcome) -> None:
    """Better by more than the margin is not equivalent either; scipy's t tests agree."""
    deviation = 0.1 if outcome is Outcome.INCONCLUSIVE else 0.03
    differences = noise(1, deviation) + shift

    check = CONDITION.check(case({"m.local": REFERENCE, "m.q4": REFERENCE + differences}, "m.q4"))

    above = stats.ttest_1samp(differences, -0.05, alternative="greater").pvalue
    below = stats.ttest_1samp(differences, 0.05, alternative="less").pvalue
    assert (outcome is Outcome.GO) == (max(above, below) < 0.05)
    assert (outcome is Outcome.NO_GO) == (min(1 - above, 1 - below) < 0.05)
    assert (outcome, 100, 0.05) == (check.outcome, check.records, check.limit)
    expected = stats.ttest_1samp(differences, 0).confidence_interval(0.9)
    assert (check.low, check.high) == pytest.approx((expected.low, expected.high), abs=0.002)
    words = {
        Outcome.GO: "equivalent to m.local within 0.05: ",
        Outcome.NO_GO: "not equivalent to m.local within 0.05: ",
    }
    assert check.text.startswith(words.get(outcome, "not decided whether it is equivalent to m.local within 0.05: "))


def test_of_the_reference_all_others_are_asked() -> None:
    """The worst one decides, and each is named."""
    values = {"m.local": REFERENCE, "m.q8": REFERENCE, "m.q4": REFERENCE - 0.2 + noise(1)}
    check = CONDITION.check(case(values, "m.local"))
    assert Outcome.NO_GO is check.outcome
    assert check.text.startswith("m.q8 is equivalent to m.local within 0.05: +0.000 [")
    assert "; m.q4 is not equivalent to m.local within 0.05: " in check.text


def test_the_best_of_several_forms_was_chosen_by_these_scores() -> None:
    """So its bounds hold for all of them together, and are wider."""
    values = {"m.local": REFERENCE, "m.q4": REFERENCE + noise(1), "m.q8": REFERENCE + noise(2)}
    named = CONDITION.check(case(values, "m.q4"))
    chosen = CONDITION.check(case(values, "m.q4", rivals=tuple(values)))
    assert named.low is not None
    assert chosen.low is not None
    assert chosen.low < named.low


def test_what_is_missing_is_never_equivalent() -> None:
    """Many missing scores, few records, or a form without a result."""
    gaps = np.where(np.arange(100) < 10, np.nan, REFERENCE)
    check = CONDITION.check(case({"m.local": REFERENCE, "m.q4": gaps}, "m.q4"))
    assert Outcome.INCONCLUSIVE is check.outcome
    assert "; too many scores of one of them are missing" in check.text
    few = CONDITION.check(case({"m.local": REFERENCE[:5], "m.q4": REFERENCE[:5]}, "m.q4"))
    assert "; there are too few records" in few.text
    with pytest.raises(DataError, match=r"candidate 'm.q8' has no result on 'sales': it has no rougeL"):
        CONDITION.check(case({"m.local": REFERENCE}, "m.local", ("m.local", "m.q8")))


def test_checkpoints_of_a_recipe_are_no_chance() -> None:
    """Both forms have the same ones."""
    seeds = np.array([0.0, 0.3, -0.3])[:, None] + REFERENCE / 2 + 0.2
    check = CONDITION.check(case({"m.local": seeds, "m.q4": seeds + noise(4)}, "m.q4"))
    assert Outcome.GO is check.outcome


def test_a_family_has_one_prompt(registry: Registry) -> None:
    """And the reference first."""
    recipe = (
        Pipeline.builder("p")
        .with_dataset("lines")
        .with_prompt("bare")
        .with_prompt("plain")
        .with_evaluator("echo-score")
    )
    plan = recipe.with_model("echo", name="m", serve_as=["own", "loud"]).build(registry)
    assert ("m.own.plain", "m.loud.plain") == family_of(plan, "m.loud.plain")
    with pytest.raises(SpecError, match="candidate 'other' is served in one form"):
        family_of(plan, "other")
