"""`cost_per_1000`: what 1,000 answers cost, in US dollars.

By tokens it is the mean cost of an answer, with bounds by Student's t over clusters of records. By the hour it follows from the
price and the traffic that the specification states, and has no bounds. A candidate whose cost is not known passes no gate.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar

import attrs

from llmops_sdk.errors import DataError
from llmops_sdk.gate.conditions.condition import Case, Condition, Finding, positive
from llmops_sdk.gate.outcome import Check, Numbers, Outcome
from llmops_sdk.gate.words import UNDECIDED, on_records, with_bounds
from llmops_sdk.values.costs import CandidateCost
from llmops_sdk.values.prices import answer_cost, dollars
from llmops_sdk.verdict.statistics.comparison import MANY_MISSING
from llmops_sdk.verdict.statistics.distributions import t_quantile
from llmops_sdk.verdict.statistics.intervals import Interval

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ANSWERS = 1000


@attrs.frozen
class CostAtMost(Condition):
    """1,000 answers cost at most this.

    Attributes:
        at_most: US dollars.
    """

    SUBJECT: ClassVar[str] = "cost_per_1000"
    KEY: ClassVar[str] = "at_most"

    at_most: float = attrs.field(validator=positive("in US dollars"))

    @property
    def text(self) -> str:
        return f"at most {dollars(self.at_most)} for 1,000 answers"

    def check(self, case: Case) -> Check:
        import numpy as np

        candidate = case.chosen.candidate
        cost = case.evidence.columns[candidate].result.cost
        if cost is None or cost.per_1000 is None:
            message = (
                f"what candidate {candidate!r} costs on {case.evidence.dataset!r} is not known: run the pipeline with `prices:`,"
                " and with `traffic:` where hours are billed, or remove the condition cost_per_1000"
            )
            raise DataError(message)
        if cost.answer is None:
            finding, records = _exact(cost, self.at_most), cost.priced
        else:
            costs, labels = _costs(case)
            known = ~np.isnan(costs)
            finding, records = _find(case, costs, labels, self.at_most), int(known.sum())
        claims = {
            Outcome.GO: self.text,
            Outcome.NO_GO: f"not {self.text}",
            Outcome.INCONCLUSIVE: f"{UNDECIDED} {self.text}",
        }
        problem = f"; {finding.problem}" if finding.problem else ""
        ends = [None if end is None else dollars(end) for end in (finding.low, finding.high)]
        basis = on_records(records, "answer") if cost.answer else "at the expected traffic"
        text = f"{claims[finding.outcome]}: {with_bounds(dollars(finding.measured), *ends)} {basis}{problem}"
        return finding.check(self, case, text, kind=Numbers.COST, limit=self.at_most, records=records)


def _exact(cost: CandidateCost, limit: float) -> Finding:
    """Return what a price by the hour shows: the number is known, not estimated."""
    measured = cost.per_1000 or 0.0
    return Finding(measured, measured, measured, holds=measured <= limit, broken=measured > limit)


def _costs(case: Case) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the cost of each answer of the candidate, NaN where it is not known, and the label of its record."""
    import numpy as np

    model = case.evidence.columns[case.chosen.candidate].result.model
    price = case.run.run.plan.costs.of(model).price
    answers = [(place, answer_cost(answer, price)) for place, answer in case.evidence.answers(case.chosen.candidate)]
    costs = np.array([np.nan if cost is None else cost for _, cost in answers])
    return costs, case.evidence.labels[[place for place, _ in answers]]


def _find(case: Case, costs: NDArray[Any], labels: NDArray[Any], limit: float) -> Finding:
    import numpy as np

    known = ~np.isnan(costs)
    missing = int((~known).sum())
    problem = f"{missing} answers have no known cost" if missing > MANY_MISSING * known.size else ""
    costs, labels = costs[known], labels[known]
    go, no_go = case.go_level / len(case.rivals), case.no_go_level / len(case.rivals)
    high, low = _interval(costs, labels, go).high, _interval(costs, labels, no_go).low
    holds = high is not None and high <= limit
    broken = low is not None and low > limit
    return Finding(_ANSWERS * float(costs.mean()), low, high, holds=holds, broken=broken, problem=problem)


def _interval(costs: NDArray[Any], labels: NDArray[Any], level: float) -> Interval:
    """Return bounds of the cost of 1,000 answers, each holding at a level; answers of one cluster depend on each other."""
    import numpy as np

    _, places = np.unique(labels, return_inverse=True)
    clusters = int(places.max()) + 1
    if clusters < 2:  # noqa: PLR2004 - one cluster has no spread
        return Interval(None, None)
    mean = float(costs.mean())
    sums = np.bincount(places, weights=costs - mean)
    error = math.sqrt(clusters / (clusters - 1) * float((sums**2).sum())) / costs.size
    half = t_quantile(1 - level, clusters - 1) * error
    return Interval(_ANSWERS * (mean - half), _ANSWERS * (mean + half))
