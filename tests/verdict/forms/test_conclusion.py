"""Whether forms of the same weights are equivalent, by two one-sided tests, and in words."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from scipy import stats

from llmops_sdk.values.forms import AnswerAgreement, FirstDifference, FormResult, Suspect
from llmops_sdk.values.results import CellResult, Leaderboard
from llmops_sdk.values.scores import Metric
from llmops_sdk.verdict.forms.conclusion import ComparedForm, FormFamily, conclude_forms
from llmops_sdk.verdict.leaderboard import make_leaderboard
from llmops_sdk.verdict.table import CellColumn, Kind, MetricColumn

F1 = Metric("f1", bounds=(0.0, 1.0))
REFERENCE = np.random.default_rng(9).uniform(0.3, 0.7, 100)
SOME = AnswerAgreement(100, 41, FirstDifference(12, 7, "quick", "fast"), 9.0)
MINUS = "\N{MINUS SIGN}"


def noise(seed: int, deviation: float = 0.05, records: int = 100) -> Any:
    """Small differences with the mean 0."""
    values = np.random.default_rng(seed).normal(0, deviation, records)
    return values - values.mean()


NEEDED = math.ceil(((stats.norm.ppf(0.95) + stats.norm.ppf(0.9)) * np.std(noise(1, 0.4), ddof=1) / 0.05) ** 2)
"""Schuirmann's number for two equal forms, 80 % power and a margin of .05."""


def columns_of(values: Mapping[str, Any]) -> list[CellColumn]:
    """Candidates with their scores, shape (records,) or (checkpoints, 1, records); NaN is missing."""
    columns = []
    for name, own in values.items():
        numbers = np.array(own, dtype=float)
        records = numbers.shape[-1]
        result = CellResult(f"{name}.p.d", name, name, "p", True, records, records, {}, {}, None, None, {})
        kinds = np.where(np.isnan(numbers), Kind.MISSING, Kind.SCORED)
        columns.append(CellColumn(result, {"f1": MetricColumn(numbers, kinds)}))
    return columns


def concluded(
    values: Mapping[str, Any], *, metric: Metric = F1, margin: float = 0.05, agreement: AnswerAgreement = SOME
) -> Leaderboard:
    """The leaderboard of forms, the first one being the reference."""
    columns = columns_of(values)
    board = make_leaderboard("sales", "f1", [c for c in columns if c.result.records], (), {"f1": metric})
    reference, *others = values
    compared = tuple(ComparedForm(name, agreement, (Suspect("dtype", "bfloat16", "Q8_0"),)) for name in others)
    return conclude_forms(board, [FormFamily("m", reference, tuple(others), compared, margin)], columns, metric, None)


def form_of(board: Leaderboard, name: str = "m.q4") -> FormResult:
    """One form of the first family."""
    return next(form for form in board.forms[0].forms if form.candidate == name)


@pytest.mark.parametrize(
    ("shift", "outcome"),
    [(0.0, "equivalent"), (-0.03, "equivalent"), (-0.05, "undecided"), (-0.15, "worse"), (0.15, "better")],
)
def test_the_outcome_is_that_of_two_one_sided_tests(shift: float, outcome: str) -> None:
    """Of scipy's t tests too; the bounds are those of their 90 % interval, up to a few percent of its width."""
    differences = noise(1) + shift
    form = form_of(concluded({"m.local": REFERENCE, "m.q4": REFERENCE + differences}))

    above = stats.ttest_1samp(differences, -0.05, alternative="greater").pvalue
    below = stats.ttest_1samp(differences, 0.05, alternative="less").pvalue
    assert ("equivalent" == outcome) == (max(above, below) < 0.05)
    assert ("worse" == outcome) == (stats.ttest_1samp(differences, -0.05, alternative="less").pvalue < 0.05)
    assert outcome == form.outcome
    expected = stats.ttest_1samp(differences, 0).confidence_interval(0.9)
    assert form.estimate is not None
    assert form.estimate.low == pytest.approx(expected.low, abs=0.001)
    assert form.estimate.high == pytest.approx(expected.high, abs=0.001)


def test_a_lower_number_may_be_the_better_one() -> None:
    """The difference keeps the metric's own direction."""
    loss = Metric("f1", bounds=(0.0, 1.0), higher_is_better=False)
    board = concluded(
        {"m.local": REFERENCE, "m.q4": REFERENCE + 0.2 + noise(2), "m.q8": REFERENCE - 0.2 + noise(3)}, metric=loss
    )
    assert ("worse", "better") == (form_of(board).outcome, form_of(board, "m.q8").outcome)
    estimate = form_of(board).estimate
    assert estimate is not None
    assert 0.2 == pytest.approx(estimate.mean)
    assert estimate.low is not None
    assert estimate.low > 0.15


def test_checkpoints_of_a_recipe_are_no_chance() -> None:
    """Both forms have the same ones: a spread over seeds that both share hides no difference."""
    seeds = np.array([0.0, 0.3, -0.3])[:, None, None] + REFERENCE / 2 + 0.2
    board = concluded({"m.local": seeds, "m.q4": seeds + noise(4)})
    assert "equivalent" == form_of(board).outcome


def test_the_sentence_names_the_difference_the_first_word_and_the_suspects() -> None:
    """As a person would."""
    board = concluded({"m.local": REFERENCE, "m.q4": REFERENCE + noise(1) - 0.004})
    assert form_of(board).text == (
        f"m.q4 is equivalent to m.local within 0.05: {MINUS}0.004 [{MINUS}0.011, +0.003]. 41 of 100 answers are identical; the "
        "first difference is at word 7 on record 12 (“quick” against “fast”), the median one at word 9. Different: dtype (bfloat16 against Q8_0)."
    )
    assert board.forms[0].headline == (
        f"m.q4 is equivalent to m.local within 0.05: {MINUS}0.004 [{MINUS}0.011, +0.003]; 41 of 100 answers are identical."
    )
    assert board.verdict.text.startswith(f"{board.forms[0].headline} ")
    assert board.verdict.headline.startswith(
        f"{board.forms[0].headline} This checkpoint of m.local has the highest mean"
    )


def test_several_forms_are_counted() -> None:
    """With their names; one without a result is named."""
    values = {
        "m.local": REFERENCE,
        "m.merged": REFERENCE,
        "m.q8": REFERENCE + noise(1),
        "m.q4": REFERENCE - 0.2 + noise(2),
    }
    columns = columns_of(values)
    board = make_leaderboard("sales", "f1", columns, (), {"f1": F1})
    compared = tuple(ComparedForm(name, SOME, ()) for name in list(values)[1:])
    family = FormFamily("m", "m.local", (*list(values)[1:], "m.vllm"), compared, 0.05)

    forms = conclude_forms(board, [family], columns, F1, None).forms

    assert forms[0].headline == (
        "Of 3 forms compared with m.local, 2 are equivalent to it within 0.05 (m.merged, m.q8) and 1 is worse by more than 0.05 "
        "(m.q4). Whether m.vllm differs from m.local is not known: one of them has no result."
    )
    assert ("m.vllm",) == forms[0].without


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"m.local": REFERENCE[:5], "m.q4": REFERENCE[:5]}, "; there are too few records."),
        ({"m.local": REFERENCE, "m.q4": REFERENCE + noise(1, 0.4)}, f"; if they are equal, it takes about {NEEDED} records to show it."),
        ({"m.local": np.ones(20), "m.q4": np.ones(20)}, "; if they are equal, it takes about "),
        ({"m.local": REFERENCE, "m.q4": np.full(100, np.nan)}, "within 0.05: they have no scored record in common."),
    ],
)  # fmt: skip
def test_what_is_not_decided_has_a_reason(values: Mapping[str, Any], words: str) -> None:
    """Too few records, how many more would do, or no score at all."""
    form = form_of(concluded(values))
    assert "undecided" == form.outcome
    assert form.text.startswith("m.q4 is not shown to be equivalent to m.local within 0.05")
    assert words in form.text


def test_the_records_that_are_named_do_decide_it() -> None:
    """Where all scores are the same, and the interval is only as wide as their number makes it."""
    text = form_of(concluded({"m.local": np.ones(20), "m.q4": np.ones(20)})).text
    needed = int(text.partition("takes about ")[2].split()[0])
    assert 20 < needed < 200
    assert "equivalent" == form_of(concluded({"m.local": np.ones(needed), "m.q4": np.ones(needed)})).outcome
