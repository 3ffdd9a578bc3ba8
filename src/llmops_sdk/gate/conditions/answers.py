"""Conditions on the answers themselves: how many failed, and how long they took.

Both are on a share of the answers, with bounds that are exact at any number of records. The 95th percentile of the latency is
at most a limit exactly where at most 5 % of the answers take longer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import attrs

from llmops_sdk.errors import DataError
from llmops_sdk.gate.conditions.condition import Case, Condition, Finding, metric_of, positive
from llmops_sdk.gate.outcome import Check, Numbers, Outcome
from llmops_sdk.gate.words import UNDECIDED, needed_words, on_records, percent, with_bounds
from llmops_sdk.verdict.statistics.comparison import MANY_MISSING
from llmops_sdk.verdict.statistics.sample_size import needed_for_share
from llmops_sdk.verdict.statistics.shares import effective_records, share_interval
from llmops_sdk.verdict.table import Kind

if TYPE_CHECKING:
    from numpy.typing import NDArray

SLOWEST = 0.05
"""The share of the answers that may take longer than the 95th percentile."""


def _share(_condition: object, attribute: attrs.Attribute[float], value: float) -> None:
    if not 0 < value < 1:
        message = (
            f"{attribute.name} is a share between 0 and 1, such as 0.02, not {value!r}; that no answer at all fails cannot be"
            " shown by any number of records"
        )
        raise ValueError(message)


@attrs.frozen
class FailedAnswersAtMost(Condition):
    """The true share of answers that fail for a reason of the candidate's own is at most this.

    They are those that count as the worst score in the metric that decides: none, refused, cut while reasoning, unusable.

    Attributes:
        at_most: The share.
    """

    SUBJECT: ClassVar[str] = "failed_answers"
    KEY: ClassVar[str] = "at_most"

    at_most: float = attrs.field(validator=_share)

    @property
    def text(self) -> str:
        return f"at most {percent(self.at_most)}"

    def check(self, case: Case) -> Check:
        import numpy as np

        metric = metric_of(case, case.run.run.plan.metric)
        kinds = case.evidence.columns[case.chosen.candidate].scores[metric.name].kinds
        labels = np.broadcast_to(case.evidence.labels, kinds.shape).reshape(-1)
        kinds = kinds.reshape(-1)
        shares = _Shares(kinds == Kind.FAILED, kinds == Kind.MISSING, labels, "failed")
        return shares.check(self, case, self.at_most)


@attrs.frozen
class LatencyAtMost(Condition):
    """The true 95th percentile of the latency is at most this.

    Attributes:
        at_most: Seconds.
    """

    SUBJECT: ClassVar[str] = "latency_p95"
    KEY: ClassVar[str] = "at_most"

    at_most: float = attrs.field(validator=positive("in seconds"))

    @property
    def text(self) -> str:
        return f"at most {self.at_most:g} s for 95 % of the answers"

    def check(self, case: Case) -> Check:
        import numpy as np

        answers = list(case.evidence.latencies(case.chosen.candidate))
        places = np.array([place for place, _ in answers], dtype=np.intp)
        seconds = np.array([np.nan if latency is None else latency for _, latency in answers])
        known = ~np.isnan(seconds)
        if not known.any():
            message = (
                f"the answers of candidate {case.chosen.candidate!r} on {case.evidence.dataset!r} have no latency: remove the"
                " condition latency_p95"
            )
            raise DataError(message)
        shares = _Shares(seconds > self.at_most, ~known, case.evidence.labels[places], "slower")
        p95 = float(np.quantile(seconds[known], 1 - SLOWEST))
        return shares.check(self, case, SLOWEST, f"{p95:.2f} s; ")


@attrs.frozen(eq=False)
class _Shares:
    """Answers of which some are marked.

    Attributes:
        marked: Shape (answers,), whether each is marked.
        missing: Shape (answers,), whether that is not known.
        labels: Shape (answers,), labels of the clusters.
        unit: What a marked one is (`failed`).
    """

    marked: NDArray[Any]
    missing: NDArray[Any]
    labels: NDArray[Any]
    unit: str

    def check(self, condition: Condition, case: Case, limit: float, measured: str = "") -> Check:
        """Return the check that at most a share is marked.

        Args:
            condition: The condition.
            case: What it is checked on.
            limit: The share.
            measured: What was measured besides, which the words have before the share.
        """
        finding = self._find(case, limit)
        known = int((~self.missing).sum())
        if finding.outcome is Outcome.INCONCLUSIVE:
            finding = attrs.evolve(finding, needed=self._needed(case, limit))
        claims = {
            Outcome.GO: condition.text,
            Outcome.NO_GO: f"not {condition.text}",
            Outcome.INCONCLUSIVE: f"{UNDECIDED} {condition.text}",
        }
        ends = [None if each is None else percent(each) for each in (finding.low, finding.high)]
        share = (
            "no answer" if finding.measured is None else with_bounds(f"{percent(finding.measured)} {self.unit}", *ends)
        )
        numbers = f"{measured}{share} {on_records(known, 'answer')}"
        text = f"{claims[finding.outcome]}: {numbers}{needed_words(finding.needed, 'answer')}"
        check = finding.check(condition, case, text, kind=Numbers.SHARE, limit=limit, records=known)
        return attrs.evolve(check, unit=self.unit)

    def _find(self, case: Case, limit: float) -> Finding:
        known = ~self.missing
        marked, labels = self.marked[known], self.labels[known]
        go, no_go = case.go_level / len(case.rivals), case.no_go_level / len(case.rivals)
        interval = share_interval(marked, labels, no_go, go)
        holds = interval.high is not None and interval.high <= limit
        broken = interval.low is not None and interval.low > limit
        if self.missing.sum() > MANY_MISSING * self.missing.size:
            against_go = share_interval(self.marked | self.missing, self.labels, no_go, go).high
            against_no_go = share_interval(self.marked & known, self.labels, no_go, go).low
            holds = holds and against_go is not None and against_go <= limit
            broken = broken and against_no_go is not None and against_no_go > limit
        measured = float(marked.mean()) if marked.size else None
        return Finding(measured, interval.low, interval.high, holds=holds, broken=broken)

    def _needed(self, case: Case, limit: float) -> int | None:
        """Return how many answers would decide it if the true share is the one that was seen."""
        marked, labels = self.marked[~self.missing], self.labels[~self.missing]
        if not marked.size:
            return None
        share = float(marked.mean())
        level = (case.go_level if share < limit else case.no_go_level) / len(case.rivals)
        needed = needed_for_share(share, limit, level=level)
        if needed is None:
            return None
        needed = round(needed * marked.size / effective_records(marked, labels))
        return needed if needed > marked.size else None
