"""The fields of JSON values, and how they compare."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, strategies as st

from llmops_plugins.metrics.structured.leaves import Comparison, Reading

ORDER: dict[str, Any] = {
    "customer": {"name": "Ada", "city": None},
    "items": [{"sku": "a", "qty": 1}, {"sku": "b", "qty": 2}],
    "notes": [],
}


def paths(reading: Reading, value: Any) -> list[str]:
    return sorted(path for path, _ in reading.leaves(value).elements())


def test_every_field_has_its_path() -> None:
    """Names by points, places of lists in brackets; an empty list is a field."""
    expected = [
        "customer.city",
        "customer.name",
        "items[0].qty",
        "items[0].sku",
        "items[1].qty",
        "items[1].sku",
        "notes",
    ]
    assert expected == paths(Reading(), ORDER)
    assert ["customer.name", "items[0].qty", "items[0].sku", "items[1].qty", "items[1].sku", "notes"] == paths(
        Reading(null_is_missing=True), ORDER
    )


def test_without_order_an_item_is_one_field() -> None:
    """Which fields belong to one item counts; where the item stands does not."""
    reading = Reading(ignore_order=True)
    turned = {**ORDER, "items": list(reversed(ORDER["items"]))}
    mixed = {**ORDER, "items": [{"sku": "a", "qty": 2}, {"sku": "b", "qty": 1}]}

    assert ["customer.city", "customer.name", "items[]", "items[]", "notes"] == paths(reading, ORDER)
    assert reading.leaves(ORDER) == reading.leaves(turned)
    assert reading.leaves(ORDER) != reading.leaves(mixed)
    assert Reading().leaves(ORDER) != Reading().leaves(turned)


@pytest.mark.parametrize("ignore_order", [True, False])
def test_only_some_fields_may_count(ignore_order: bool) -> None:  # noqa: FBT001 - a case
    """With all below them; in lists, too."""
    reading = Reading(only=("items.qty", "customer"), ignore_order=ignore_order)
    places = ["items[]", "items[]"] if ignore_order else ["items[0].qty", "items[1].qty"]

    assert ["customer.city", "customer.name", *places] == paths(reading, ORDER)
    other = {**ORDER, "items": [{"sku": "x", "qty": 1}, {"sku": "y", "qty": 2}], "custom": 1}
    assert reading.leaves(ORDER) == reading.leaves(other)


@pytest.mark.parametrize(
    ("left", "right", "options", "expected"),
    [
        ({"a": 1}, {"a": 1.0}, {}, True),
        ({"a": True}, {"a": 1}, {}, False),
        ({"a": "x  y "}, {"a": "x y"}, {}, True),
        ({"a": "X"}, {"a": "x"}, {}, False),
        ({"a": "X"}, {"a": "x"}, {"ignore_case": True}, True),
        ({"a": None}, {}, {}, False),
        ({"a": None}, {}, {"null_is_missing": True}, True),
        ({"a": {}}, {"a": []}, {}, False),
        ({"a": "1"}, {"a": 1}, {}, False),
        ([1, [2]], [1, [2]], {}, True),
    ],
)
def test_values_compare_as_json_does(left: Any, right: Any, options: dict[str, Any], expected: bool) -> None:  # noqa: FBT001 - a case
    """Texts with single spaces; case counts unless it is ignored."""
    reading = Reading(**options)

    assert expected == (reading.leaves(left) == reading.leaves(right))


@pytest.mark.parametrize(
    ("output", "reference", "precision", "recall", "f1"),
    [
        ({"a": 1, "b": 2}, {"a": 1, "b": 2}, 1, 1, 1),
        ({"a": 1, "b": 3}, {"a": 1, "b": 2}, 1 / 2, 1 / 2, 1 / 2),
        ({"a": 1}, {"a": 1, "b": 2}, 1, 1 / 2, 2 / 3),
        ({"a": 1, "b": 2, "c": 3, "d": 4}, {"a": 1}, 1 / 4, 1, 2 / 5),
        ({}, {}, 1, 1, 1),
        ({}, {"a": 1}, 0, 0, 0),
        ({"a": 1}, {}, 0, 0, 0),
        ({"b": 1}, {"a": 1}, 0, 0, 0),
    ],
)
def test_precision_recall_and_f1(
    output: dict[str, int], reference: dict[str, int], precision: float, recall: float, f1: float
) -> None:
    """Computed by hand from the definition; 0/0 is 0, except where neither has a field."""
    reading = Reading()
    compared = Comparison(reading.leaves(output), reading.leaves(reference))

    assert pytest.approx((precision, recall, f1)) == (compared.precision, compared.recall, compared.f1)


def test_differences_are_named() -> None:
    """The first five."""
    reading = Reading()
    many = dict.fromkeys("abcdefg", 1)

    assert "a, b, c, d, e and 2 more" == Comparison(reading.leaves(many), reading.leaves({})).differences
    assert "" == Comparison(reading.leaves(many), reading.leaves(many)).differences


VALUES = st.dictionaries(
    st.sampled_from("abc"), st.integers(0, 2) | st.lists(st.integers(0, 2), max_size=3), max_size=3
)


@given(VALUES, VALUES, st.booleans())
def test_f1_is_the_harmonic_mean_and_one_only_for_equals(left: Any, right: Any, ignore_order: bool) -> None:  # noqa: FBT001 - a case
    """For any two values."""
    reading = Reading(ignore_order=ignore_order)
    compared = Comparison(reading.leaves(left), reading.leaves(right))
    total = compared.precision + compared.recall

    assert compared.f1 == pytest.approx(2 * compared.precision * compared.recall / total if total else 0.0)
    assert (compared.f1 == 1.0) == (compared.output == compared.reference)
