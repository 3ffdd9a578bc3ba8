"""Numbers as text, scales, and JSON inside a page."""

from __future__ import annotations

import json
import re

import pytest

from llmops_sdk.report.charts import axis, smoothed
from llmops_sdk.report.numbers import amount, duration, interval, number
from llmops_sdk.report.records import script_json
from llmops_sdk.values.results import Estimate

from .samples import HOSTILE


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.312", 0.3121),
        ("\N{MINUS SIGN}0.084", -0.0841),
        ("0.000", -0.0001),
        ("12.35", 12.346),
        ("123.5", 123.46),
        ("12,346", 12345.6),
        ("\N{EN DASH}", None),
        ("\N{EN DASH}", float("nan")),
    ],
)
def test_number_keeps_what_people_compare(text: str, value: float | None) -> None:
    """Three decimals below 10, fewer above, a true minus sign, and no minus before a zero."""
    assert text == number(value)


def test_interval_shows_signs_of_differences() -> None:
    """An interval of a difference has a sign at both ends."""
    assert "[\N{MINUS SIGN}0.010, +0.158]" == interval(Estimate(0.1, -0.01, 0.158, 9), sign=True)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("4 ms", 0.004),
        ("0.42 s", 0.42),
        ("12.3 s", 12.34),
        ("1 min 00 s", 59.7),
        ("3 min 05 s", 185),
        ("2 h 07 min", 7621),
        ("\N{EN DASH}", None),
    ],
)
def test_duration_has_the_unit_that_fits(text: str, seconds: float | None) -> None:
    """Times are told in the largest unit that keeps them readable."""
    assert text == duration(seconds)


def test_amount_writes_counts_without_decimals() -> None:
    """A count stays a count; a rate keeps one decimal."""
    assert ["1,172", "481.2", "0.312"] == [amount(1172.0), amount(481.23), amount(0.3123)]


@pytest.mark.parametrize("values", [[0.2, 0.31], [0.0, 0.0], [-5.0, 1200.0], [3.0], [1e-7, 3e-7], [0.5, 0.5]])
def test_axis_holds_its_values_and_has_few_round_ticks(values: list[float]) -> None:
    """Whatever the values, they lie on the scale, and so do its ticks."""
    scale = axis(values, pad=0.05)
    assert all(0 <= scale.share(value) <= 1 for value in values)
    assert 2 <= len(scale.ticks) <= 8
    assert all(-1e-9 <= scale.share(tick) <= 1 + 1e-9 for tick in scale.ticks)
    assert len({scale.label(tick) for tick in scale.ticks}) == len(scale.ticks)


def test_smoothed_is_an_average_without_a_start_at_zero() -> None:
    """A constant loss stays constant, and a step is followed slowly."""
    assert pytest.approx([2.0] * 50) == smoothed([2.0] * 50)
    assert 1.0 < smoothed([1.0] * 40 + [2.0] * 4)[-1] < 2.0


def test_script_json_has_nothing_that_html_reads() -> None:
    """No text can end the script element, and the JSON still says the same."""
    written = script_json(list(HOSTILE))
    assert not re.search("[<>&\u2028\u2029\ud800-\udfff]", written)
    assert list(HOSTILE) == json.loads(written)
