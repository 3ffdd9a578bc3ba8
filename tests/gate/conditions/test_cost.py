"""Cost as a condition."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import SimpleNamespace
from typing import Any, cast

import attrs
import pytest

from llmops_sdk.errors import DataError
from llmops_sdk.gate.conditions.condition import Case
from llmops_sdk.gate.conditions.cost import CostAtMost
from llmops_sdk.gate.evidence import DatasetEvidence
from llmops_sdk.gate.outcome import Outcome
from llmops_sdk.values.answers import Answer
from llmops_sdk.values.costs import Amount, CandidateCost
from llmops_sdk.values.prices import Costs

from ..cases import case_of


@attrs.frozen(eq=False)
class PricedEvidence(DatasetEvidence):
    """A dataset whose answers cost this."""

    costs: Sequence[float | None] = ()

    def answers(self, candidate: str) -> Iterator[tuple[int, Answer]]:
        return ((place, Answer("x", cost=cost)) for place, cost in enumerate(self.costs))


def priced(costs: Sequence[float | None], cost: CandidateCost | None, clusters: Any = None) -> Case:
    """A case with these costs of its answers."""
    case = case_of({"new": [0.5] * len(costs)}, clusters=clusters)
    own = case.evidence
    column = own.columns["new"]
    columns = {"new": attrs.evolve(column, result=attrs.evolve(column.result, cost=cost))}
    evidence = PricedEvidence(own.run, own.dataset, columns, own.hashes, own.clusters, costs)
    plan = cast("Any", SimpleNamespace(metric="rougeL", costs=Costs()))
    run = attrs.evolve(case.run, run=cast("Any", SimpleNamespace(plan=plan, id="run")))
    return attrs.evolve(case, evidence=evidence, run=run)


BY_TOKENS = CandidateCost("tokens", answer=Amount(0.001, None, None, 100), per_1000=1.0)


def test_the_mean_cost_has_bounds() -> None:
    """It holds, is broken, or is not decided."""
    costs = [0.0009, 0.0011] * 50

    outcomes = [
        CostAtMost("cost_per_1000", limit).check(priced(costs, BY_TOKENS)).outcome for limit in (1.05, 1.0, 0.95)
    ]

    assert [Outcome.GO, Outcome.INCONCLUSIVE, Outcome.NO_GO] == outcomes
    text = CostAtMost("cost_per_1000", 1.05).check(priced(costs, BY_TOKENS)).text
    assert text.startswith("at most 1.05 USD for 1,000 answers: 1.00 USD [")
    assert text.endswith("on 100 answers")


def test_many_answers_without_a_cost_decide_nothing() -> None:
    """Up to 5 % are left out."""
    costs = [0.0009, 0.0011] * 50

    assert Outcome.GO is CostAtMost("cost_per_1000", 1.05).check(priced([*costs, None], BY_TOKENS)).outcome
    check = CostAtMost("cost_per_1000", 1.05).check(priced([*costs, *[None] * 20], BY_TOKENS))
    assert Outcome.INCONCLUSIVE is check.outcome
    assert check.text.endswith("on 100 answers; 20 answers have no known cost")


def test_answers_of_one_cluster_count_as_one() -> None:
    """Two clusters decide nothing that a hundred answers do."""
    costs = [0.0009] * 50 + [0.0011] * 50

    check = CostAtMost("cost_per_1000", 1.05).check(priced(costs, BY_TOKENS, clusters=[0] * 50 + [1] * 50))

    assert Outcome.INCONCLUSIVE is check.outcome


def test_a_price_by_the_hour_is_exact() -> None:
    """It follows from price and traffic."""
    cost = CandidateCost("hours", per_1000=2.0, priced=10)
    checks = [CostAtMost("cost_per_1000", limit).check(priced([None] * 10, cost)) for limit in (2.0, 1.99)]

    assert [Outcome.GO, Outcome.NO_GO] == [check.outcome for check in checks]
    assert "at most 2.00 USD for 1,000 answers: 2.00 USD [2.00 USD, 2.00 USD] at the expected traffic" == checks[0].text


@pytest.mark.parametrize("cost", [None, CandidateCost()])
def test_a_cost_that_is_not_known_passes_no_gate(cost: CandidateCost | None) -> None:
    """It is refused, with what to give."""
    with pytest.raises(
        DataError, match="what candidate 'new' costs on 'sales' is not known: run the pipeline with `prices:`"
    ):
        CostAtMost("cost_per_1000", 1.0).check(priced([None] * 10, cost))


def test_a_limit_is_above_0() -> None:
    """In dollars."""
    with pytest.raises(ValueError, match="at_most is in US dollars, a number above 0, not -1"):
        CostAtMost("cost_per_1000", -1)
