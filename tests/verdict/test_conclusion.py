"""The verdict claims what the evidence carries, and no more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from llmops_sdk.values.results import CellResult, FailedCell, Verdict
from llmops_sdk.values.scores import Metric
from llmops_sdk.verdict.leaderboard import make_leaderboard
from llmops_sdk.verdict.table import CellColumn, Kind, MetricColumn

ROUGE = Metric("rougeL", "ROUGE-L", bounds=(0.0, 1.0))
NAMES = "abcdefgh"


def verdict_on(
    values: Sequence[Sequence[float]],
    metric: Metric = ROUGE,
    *,
    failed: tuple[FailedCell, ...] = (),
    fine_tuned: bool = False,
) -> Verdict:
    """The verdict on candidates a, b, ... with these scores."""
    columns = []
    for name, scores in zip(NAMES, values, strict=False):
        numbers = np.array(scores, dtype=float)
        result = CellResult(
            f"{name}.p.d", name, name, "p", fine_tuned, numbers.size, numbers.size, {}, {}, None, None, {}
        )
        kinds = np.where(np.isnan(numbers), Kind.MISSING, Kind.SCORED)
        columns.append(CellColumn(result, {metric.name: MetricColumn(numbers, kinds)}))
    return make_leaderboard("dolly", metric.name, columns, failed, {metric.name: metric}).verdict


def noisy(records: int, *means: float, spread: float = 0.05) -> list[Sequence[float]]:
    """Scores around these means."""
    rng = np.random.default_rng(1)
    return [list(np.clip(mean + rng.normal(0, spread, records), 0, 1)) for mean in means]


def plain(text: str) -> str:
    """The text with ASCII minus signs."""
    return text.replace("\N{MINUS SIGN}", "-")


def test_a_candidate_that_is_ahead_of_all_is_the_best() -> None:
    """The sentence has the mean, the difference with its interval, and wins, losses and ties."""
    verdict = verdict_on([[0.5, 0.6] * 20, [0.4, 0.5] * 20])

    assert ("a", True, (), ("b",)) == (verdict.best, verdict.settled, verdict.tied, verdict.worse)
    text = plain(verdict.text)
    assert text.startswith("a is the best on dolly: b is worse. Mean ROUGE-L of a: 0.550 [0.")
    assert "a differs from b by +0.100 [+0." in text
    assert "with 40 wins, 0 losses and 0 ties on 40 records." in text


def test_tied_candidates_are_named() -> None:
    """They are named, the worse ones too, and what it takes to tell the nearest one apart."""
    verdict = verdict_on(noisy(40, 0.5, 0.49, 0.2))

    assert (False, ("b",), ("c",)) == (verdict.settled, verdict.tied, verdict.worse)
    text = plain(verdict.text)
    assert text.startswith(
        "a has the highest mean ROUGE-L on dolly; b cannot be told apart from it; c is worse. Mean ROUGE-L of a: 0."
    )
    assert "a differs from b by +0.0" in text
    assert "a differs from c by +0." in text
    assert text.startswith(verdict.headline)
    assert verdict.needed_records is not None
    assert verdict.needed_records > 40
    assert any(f"about {verdict.needed_records:,} records" in note for note in verdict.notes)
    assert verdict.detectable == pytest.approx(0.036, abs=0.008)


def test_equal_scores_have_no_winner() -> None:
    """Both have the best mean; nothing is made up."""
    verdict = verdict_on([[0.5] * 20, [0.5] * 20])

    assert (False, ("b",), None) == (verdict.settled, verdict.tied, verdict.needed_records)
    assert verdict.text.startswith("a and b have the same highest mean ROUGE-L on dolly. Mean ROUGE-L of a: 0.500 [0.")


def test_few_records_settle_nothing() -> None:
    """Below ten even a wide gap is no claim."""
    verdict = verdict_on([[0.9] * 9, [0.1] * 9])

    assert (False, ("b",), ()) == (verdict.settled, verdict.tied, verdict.worse)
    assert "9 records are too few to decide: it takes at least 10." in verdict.text


def test_differences_on_a_few_records_settle_nothing() -> None:
    """Five signs, all the same, happen in one of sixteen runs."""
    verdict = verdict_on([[0.9] * 5 + [0.5] * 35, [0.1] * 5 + [0.5] * 35])

    assert not verdict.settled
    assert "They differ on 5 records only, and no claim is possible on fewer than 6." in verdict.text
    assert verdict.detectable is None


def test_lower_can_be_better() -> None:
    """The signs are those of the metric."""
    verdict = verdict_on(noisy(40, 0.3, 0.1), Metric("wer", higher_is_better=False))

    assert ("b", True) == (verdict.best, verdict.settled)
    assert "a is worse. Mean wer of b: 0." in plain(verdict.text)
    assert "b differs from a by -0." in plain(verdict.text)
    assert "with 40 wins, 0 losses" in verdict.text


def test_one_or_no_candidate_decides_nothing() -> None:
    """Without two scored candidates there is no decision, and the failed ones are mentioned."""
    failed = (FailedCell("b.p.d", "b", "train.b", "out of memory"),)

    alone, none = verdict_on([[0.3] * 20], failed=failed), verdict_on([], failed=failed)

    assert ("a", False) == (alone.best, alone.settled)
    assert "there is no other candidate to compare it with. 1 candidate could not be evaluated." in alone.text
    assert ("", False) == (none.best, none.settled)
    assert "No candidate has a ROUGE-L on dolly: nothing can be decided. 1 candidate" in none.text


def test_a_single_record_has_no_interval() -> None:
    """The text names it."""
    assert "0.300 on a single record" in verdict_on([[0.3]]).text
    assert "1 record is too few to decide" in verdict_on([[0.3], [0.4]]).text


def test_no_shared_record_is_no_comparison() -> None:
    """All pairs missing: a plain sentence."""
    verdict = verdict_on([[0.5] * 12 + [np.nan] * 12, [np.nan] * 12 + [0.9] * 12])

    assert not verdict.settled
    assert "b has no scored record in common with a" in verdict.text


def test_the_best_of_many_is_shown_with_care() -> None:
    """Its interval allows for the choice, and it is wider than the plain one."""
    verdict = verdict_on(noisy(40, *[0.5] * 6))

    assert verdict.best_interval is not None
    assert any(note.startswith("The best of 6 means tends to be too good") for note in verdict.notes)
    two = verdict_on(noisy(40, 0.5, 0.5))
    assert not any("tends to be too good" in note for note in two.notes)


@pytest.mark.parametrize("fine_tuned", [True, False])
def test_a_fine_tuned_candidate_is_one_checkpoint(*, fine_tuned: bool) -> None:
    """Another seed may give another order; a run without training has no seeds."""
    verdict = verdict_on(noisy(40, 0.5, 0.3), fine_tuned=fine_tuned)

    assert fine_tuned == any("another training seed" in note for note in verdict.notes)


def test_long_lists_of_names_are_cut() -> None:
    """Four of them and a number."""
    text = verdict_on(noisy(40, 0.9, *[0.5] * 7)).text

    assert "and 3 others are worse" in text


def test_no_text_has_nan() -> None:
    """Whatever the scores."""
    tables: Mapping[str, list[Sequence[float]]] = {
        "one record": [[0.1], [0.2]],
        "equal": [[0.5] * 30, [0.5] * 30],
        "missing": [[np.nan] * 20, [0.5] * 20],
        "all missing": [[np.nan] * 20, [np.nan] * 20],
        "huge": [[1e100] * 20, [-1e100] * 20],
    }
    for values in tables.values():
        for metric in (ROUGE, Metric("rougeL")):
            verdict = verdict_on(values, metric)
            assert "nan" not in " ".join([verdict.text, *verdict.notes]).lower().replace("nothing", "")


def test_a_verdict_has_its_caveats() -> None:
    """In its text, and apart."""
    numbers = np.array([0.5, 0.6] * 20)
    columns = [
        CellColumn(
            CellResult(f"{name}.p.d", name, name, "p", False, 40, 40, {}, {}, None, None, {}, cut=cut),
            {"rougeL": MetricColumn(numbers - shift, np.zeros(40, dtype=int))},
        )
        for name, shift, cut in (("a", 0.0, 0), ("b", 0.1, 40))
    ]

    verdict = make_leaderboard("d", "rougeL", columns, (), {"rougeL": ROUGE}).verdict

    assert verdict.settled
    assert ("40 of 40 answers of b were cut off at max_new_tokens.",) == verdict.caveats
    assert verdict.text.endswith(verdict.caveats[0])


def test_a_candidate_alone_with_a_number_beats_nobody() -> None:
    """The others have none, and nothing is claimed about them."""
    verdict = verdict_on([[0.5] * 20, [np.nan] * 20])

    assert (False, (), ()) == (verdict.settled, verdict.tied, verdict.worse)
    assert "no other candidate has one to compare it with. 20 of 20 records of b have no ROUGE-L." in verdict.text
