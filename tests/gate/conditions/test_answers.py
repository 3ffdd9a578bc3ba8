"""Failed answers and latency: shares with exact bounds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import attrs
import numpy as np
import pytest

from llmops_sdk.errors import DataError
from llmops_sdk.gate.conditions.answers import FailedAnswersAtMost, LatencyAtMost
from llmops_sdk.gate.conditions.condition import Case
from llmops_sdk.gate.evidence import DatasetEvidence
from llmops_sdk.gate.outcome import Outcome

from ..cases import case_of, with_failures


def failed(failures: int, records: int, limit: float = 0.05, missing: int = 0) -> tuple[Outcome, int | None]:
    """The outcome where some records failed and some are missing, and the needed number."""
    scores = np.full(records, 0.5)
    if missing:
        scores[-missing:] = np.nan
    check = FailedAnswersAtMost("failed_answers", limit).check(with_failures(case_of({"new": scores}), failures))
    return check.outcome, check.needed_records


def test_the_rule_of_three() -> None:
    """None of 59 failed shows at most 5 %, none of 58 does not: 0.95 to the power of 59 is 4.8 %."""
    assert (Outcome.GO, None) == failed(0, 59)
    assert (Outcome.INCONCLUSIVE, 59) == failed(0, 58)


def test_many_failures_are_a_no_go() -> None:
    """7 of 59 is more than 5 %, 5 of 59 is not shown to be."""
    assert Outcome.NO_GO is failed(8, 59)[0]
    undecided, needed = failed(5, 59)
    assert Outcome.INCONCLUSIVE is undecided
    assert needed is not None
    assert needed > 59


def test_missing_answers_do_not_help() -> None:
    """Up to 5 % are left out; of more, a GO must hold as if they had failed, a NO-GO as if not."""
    assert Outcome.GO is failed(0, 105, missing=5)[0]
    assert Outcome.INCONCLUSIVE is failed(0, 105, missing=15)[0]
    assert Outcome.NO_GO is failed(20, 105, missing=15)[0]


def test_the_words_of_failed_answers() -> None:
    """The share, its bounds, and what it rests on."""
    check = FailedAnswersAtMost("failed_answers", 0.05).check(with_failures(case_of({"new": np.full(200, 0.5)}), 2))

    assert "at most 5 %: 1 % failed [0.18 %, 3.1 %] on 200 answers" == check.text
    assert ("failed", 0.05, 200) == (check.unit, check.limit, check.records)


@attrs.frozen(eq=False)
class TimedEvidence(DatasetEvidence):
    """A dataset whose answers took these times."""

    seconds: Sequence[float | None] = ()

    def latencies(self, candidate: str) -> Iterator[tuple[int, float | None]]:
        return iter(enumerate(self.seconds))


def timed(seconds: Sequence[float | None]) -> Case:
    """A case with these latencies."""
    case = case_of({"new": [0.5] * len(seconds)})
    own = case.evidence
    evidence = TimedEvidence(own.run, own.dataset, own.columns, own.hashes, own.clusters, seconds)
    return attrs.evolve(case, evidence=evidence)


def test_the_95th_percentile_is_a_share() -> None:
    """At most 5 % of the answers take longer: with 200 answers, up to 4 slow ones show it."""
    condition = LatencyAtMost("latency_p95", 2.0)

    go, undecided, no_go = (condition.check(timed([3.0] * slow + [1.0] * (200 - slow))) for slow in (4, 8, 18))

    assert [Outcome.GO, Outcome.INCONCLUSIVE, Outcome.NO_GO] == [each.outcome for each in (go, undecided, no_go)]
    assert "at most 2 s for 95 % of the answers: 1.00 s; 2 % slower [0.69 %, 4.5 %] on 200 answers" == go.text
    assert no_go.text.startswith("not at most 2 s for 95 % of the answers: 3.00 s; 9 % slower [")
    assert undecided.needed_records is not None


def test_answers_without_a_latency() -> None:
    """Some are left out; a run without any is refused, because no number of records helps."""
    condition = LatencyAtMost("latency_p95", 2.0)

    assert 100 == condition.check(timed([1.0] * 100 + [None] * 3)).records
    assert Outcome.GO is condition.check(timed([1.0] * 100 + [None] * 3)).outcome
    assert Outcome.INCONCLUSIVE is condition.check(timed([1.0] * 100 + [None] * 20)).outcome
    with pytest.raises(
        DataError, match="the answers of candidate 'new' on 'sales' have no latency: remove the condition"
    ):
        condition.check(timed([None] * 10))
