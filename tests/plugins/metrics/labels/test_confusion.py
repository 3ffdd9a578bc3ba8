"""Macro F1 and its like have scikit-learn's definitions, and the counts are in a table."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, strategies as st

from llmops_plugins.metrics.labels.confusion import MOST_LABELS, NO_LABEL, Confusion
from llmops_sdk.plugin import Summary

Pairs = Sequence[tuple[str, str]]


def summary(labels: Sequence[str], pairs: Pairs) -> Summary:
    confusion = Confusion(labels)
    for true, given_label in pairs:
        confusion.add(true, given_label)
    found = confusion.summary()
    assert found is not None
    return found


def values(labels: Sequence[str], pairs: Pairs) -> dict[str, float]:
    return {value.name: value.value for value in summary(labels, pairs).values}


def test_the_example_of_scikit_learns_manual() -> None:
    """y_true = [0, 1, 2, 0, 1, 2], y_pred = [0, 2, 1, 0, 0, 1]: `f1_score(average="macro")` is 0.26..., precision 0.22..., recall 0.33...."""
    found = values("012", list(zip("012012", "021001", strict=True)))

    assert pytest.approx(0.26666666666666666) == found["macro_f1"]
    assert pytest.approx(0.2222222222222222) == found["macro_precision"]
    assert pytest.approx(0.3333333333333333) == found["macro_recall"]


def test_the_example_of_balanced_accuracy() -> None:
    """y_true = [0, 1, 0, 0, 1, 0], y_pred = [0, 1, 0, 0, 0, 1]: `balanced_accuracy_score` is 0.625."""
    assert 0.625 == values("01", list(zip("010010", "010001", strict=True)))["balanced_accuracy"]


def test_an_answer_without_a_label_is_wrong_and_no_label() -> None:
    """By hand: a has precision 1, recall 1/2, F1 2/3; b has 1, 1, 1. As a third label, it would bring the mean to 5/9."""
    pairs = [("a", "a"), ("a", NO_LABEL), ("b", "b")]

    assert pytest.approx(5 / 6) == values("ab", pairs)["macro_f1"]
    assert ("a", "b", NO_LABEL) == summary("ab", pairs).tables[0].columns


def test_labels_that_do_not_occur_do_not_count() -> None:
    """One that is only given does: its precision is 0 and its recall 0/0, which is 0."""
    assert 1.0 == values("abc", [("a", "a"), ("b", "b")])["macro_f1"]
    found = values("abc", [("a", "a"), ("b", "c")])
    assert pytest.approx(1 / 3) == found["macro_f1"]
    assert 0.5 == found["balanced_accuracy"]


def test_the_tables_have_the_counts_and_each_labels_numbers() -> None:
    """In the order of the labels."""
    counts, by_label = summary("abc", [("a", "a"), ("a", "c"), ("c", "c"), ("c", NO_LABEL)]).tables

    assert (("a", "c"), ("a", "c", NO_LABEL)) == (counts.rows, counts.columns)
    assert ((1.0, 1.0, 0.0), (0.0, 1.0, 1.0)) == counts.values
    assert counts.is_sum
    assert ("precision", "recall", "F1", "records") == by_label.columns
    assert ((1.0, 0.5, 2 / 3, 2.0), (0.5, 0.5, 0.5, 2.0)) == by_label.values


def test_rare_labels_are_counted_together() -> None:
    """A table stays readable; the means are over all labels, and no answer is lost."""
    labels = [f"l{number}" for number in range(100)]
    pairs = [(label, labels[0]) for label in labels for _ in range(2 if label == "l99" else 1)]
    counts, by_label = summary(labels, pairs).tables

    assert (*labels[: MOST_LABELS - 1], "l99", "(70 other labels)") == counts.rows
    assert len(pairs) == sum(map(sum, counts.values))
    assert MOST_LABELS == len(by_label.rows)
    assert pytest.approx(2 / 102 / 100) == values(labels, pairs)["macro_f1"]


def test_without_an_answer_there_is_no_summary() -> None:
    """Nor with labels alone."""
    assert Confusion("ab").summary() is None


@pytest.mark.filterwarnings("ignore::UserWarning:sklearn")  # of labels that are missing on one side
@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abc")), min_size=1, max_size=30))
def test_numbers_are_those_of_scikit_learn(pairs: Pairs) -> None:
    """For any labels."""
    from sklearn.metrics import (  # type: ignore[import-not-found,import-untyped,unused-ignore]
        balanced_accuracy_score,
        f1_score,
    )

    true, given_labels = zip(*pairs, strict=True)
    found = values("abc", pairs)

    assert pytest.approx(f1_score(true, given_labels, average="macro", zero_division=0)) == found["macro_f1"]
    assert pytest.approx(balanced_accuracy_score(true, given_labels)) == found["balanced_accuracy"]
