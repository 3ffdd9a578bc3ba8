"""Scores of candidates of which none is better, of the kinds that metrics have: what `false_claims.py` draws."""

# ruff: noqa: PLR2004 - the numbers are parameters of distributions

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

UNIT = (0.0, 1.0)
GRADES = (1.0, 5.0)
PER_CLUSTER = 5

Draw = Callable[[Any, int, int], Any]


def rouge(rng: Any, candidates: int, records: int) -> Any:
    """Scores between 0 and 1 of records that are more or less hard for all."""
    return np.clip(rng.beta(2, 3, records) + rng.normal(0, 0.12, (candidates, records)), 0, 1)


def zeros(rng: Any, candidates: int, records: int) -> Any:
    """Scores of which four in five are 0, mostly on the same records."""
    answered = rng.random(records) < 0.25
    return np.where(answered & (rng.random((candidates, records)) < 0.8), rng.beta(2, 3, (candidates, records)), 0.0)


def binary(rng: Any, candidates: int, records: int) -> Any:
    """Right or wrong, of records that are more or less hard for all."""
    return (rng.random((candidates, records)) < rng.beta(2, 2, records)).astype(float)


def rare(rng: Any, candidates: int, records: int) -> Any:
    """Wrong on one record in ten."""
    return (rng.random((candidates, records)) < 0.9).astype(float)


def grades(rng: Any, candidates: int, records: int) -> Any:
    """Grades of a judge, from 1 to 5."""
    return np.clip(np.rint(rng.normal(3.5, 0.8, records) + rng.normal(0, 0.7, (candidates, records))), 1, 5)


def spread(rng: Any, candidates: int, records: int) -> Any:
    """Equal means; one candidate has four times the spread of the others."""
    widths = np.array([0.16, *[0.04] * (candidates - 1)])[:, None]
    return 0.5 + rng.normal(0, 0.05, records) + widths * np.clip(rng.normal(0, 1, (candidates, records)), -2.5, 2.5)


def clusters(rng: Any, candidates: int, records: int) -> Any:
    """Five records of each document; three tenths of a difference's variance are the document's."""
    groups = np.repeat(rng.normal(0, math.sqrt(0.3), (candidates, records)), PER_CLUSTER, axis=1)
    return 0.5 + 0.07 * (groups + rng.normal(0, math.sqrt(0.7), groups.shape))


def missing(rng: Any, candidates: int, records: int) -> Any:
    """As `rouge`, a tenth of the scores missing at random."""
    values = rouge(rng, candidates, records)
    values[rng.random(values.shape) < 0.1] = np.nan
    return values


def skewed(rng: Any, candidates: int, records: int) -> Any:
    """Equal means; one candidate is mostly a little lower, and sometimes far higher."""
    values = 0.2 + 0.2 * rng.random(records) + rng.normal(0, 0.02, (candidates, records))
    values[0] += rng.exponential(0.08, records) - 0.08
    return np.clip(values, 0, 1)


KINDS: Mapping[str, tuple[Draw, tuple[float, float], str]] = {
    "rouge": (rouge, UNIT, "like ROUGE"),
    "zeros": (zeros, UNIT, "80 % zeros"),
    "binary": (binary, UNIT, "right or wrong"),
    "rare": (rare, UNIT, "wrong on 10 %"),
    "grades": (grades, GRADES, "grades 1-5"),
    "spread": (spread, UNIT, "one with 4 times the spread"),
    "clusters": (clusters, UNIT, "clusters of 5 records, as many clusters"),
    "missing": (missing, UNIT, "10 % missing"),
    "skewed": (skewed, UNIT, "one strongly skewed"),
}


def true_mean(kind: str) -> float:
    """Return the mean of a kind of scores, to three digits or so."""
    return float(np.nanmean(KINDS[kind][0](np.random.default_rng(0), 2, 400_000)[-1]))
