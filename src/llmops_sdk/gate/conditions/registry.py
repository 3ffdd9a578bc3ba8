"""The kinds of conditions that gates may have, and conditions from the data of a file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import attrs

from llmops_sdk.errors import SpecError, did_you_mean
from llmops_sdk.gate.conditions.answers import FailedAnswersAtMost, LatencyAtMost
from llmops_sdk.gate.conditions.condition import Condition
from llmops_sdk.gate.conditions.cost import CostAtMost
from llmops_sdk.gate.conditions.equivalence import Equivalent
from llmops_sdk.gate.conditions.margin import NotWorseThan
from llmops_sdk.gate.conditions.mean import MeanAtLeast, MeanAtMost
from llmops_sdk.gate.conditions.retention import Retained
from llmops_sdk.values.scores import Metric
from llmops_sdk.values.serial import explain, from_json

CONDITIONS: tuple[type[Condition], ...] = (
    NotWorseThan,
    MeanAtLeast,
    MeanAtMost,
    LatencyAtMost,
    FailedAnswersAtMost,
    Retained,
    Equivalent,
    CostAtMost,
)
"""Every kind. One for a subject of its own has a `SUBJECT`; the others are about metrics."""


def subjects() -> tuple[str, ...]:
    """Return the subjects that are no metrics."""
    return tuple(sorted({kind.SUBJECT for kind in CONDITIONS if kind.SUBJECT}))


def conditions_from(subject: str, data: Any, where: str) -> Iterator[Condition]:
    """Yield the conditions on a subject from the data of a file: a mapping, or a list of mappings.

    Args:
        subject: A metric, or one of `subjects`.
        data: The data.
        where: How error messages start.

    Raises:
        SpecError: It does not fit; the message names the key.
    """
    for place, item in enumerate(data) if isinstance(data, (list, tuple)) else [(None, data)]:
        name = f"{where}: {subject}" if place is None else f"{where}: {subject}.{place}"
        if not isinstance(item, Mapping) or not item:
            keys = {kind.SUBJECT: kind.KEY for kind in CONDITIONS if kind.SUBJECT}
            example = f"{{{keys[subject]}: 0.02}}" if subject in keys else "{at_least: 0.3}"
            message = f"{name} is a condition such as {example}, not {item!r}"
            raise SpecError(message)
        yield from _conditions(subject, item, name)


def check_subjects(conditions: Sequence[Condition], metrics: Mapping[str, Metric], where: str) -> None:
    """Check that each condition is about a metric or a known subject, and fits it.

    Args:
        conditions: The conditions.
        metrics: The metrics of the pipeline, by name.
        where: How error messages start.

    Raises:
        SpecError: One does not.
    """
    for condition in conditions:
        if not condition.SUBJECT and condition.subject not in metrics:
            known = [*metrics, *subjects()]
            message = (
                f"{where}: {condition.subject!r} is neither a metric of this pipeline nor one of {', '.join(subjects())}"
                f"{did_you_mean(condition.subject, known)}"
            )
            raise SpecError(message)
        try:
            condition.check_names(metrics)
        except SpecError as exc:
            message = f"{where}: {exc}"
            raise SpecError(message) from None


def _conditions(subject: str, item: Mapping[str, Any], where: str) -> Iterator[Condition]:
    own = subject if subject in subjects() else ""
    kinds = [kind for kind in CONDITIONS if own == kind.SUBJECT]
    fields = {kind: [each.name for each in attrs.fields(kind) if each.name != "subject"] for kind in kinds}
    asked = [kind for kind in kinds if kind.KEY in item]
    known = {name for kind in kinds for name in fields[kind]}
    for key in item:
        if key not in known:
            hint = did_you_mean(str(key), {kind.KEY for kind in kinds} if own else known)
            message = f"{where} has the unknown condition {key!r}{hint}"
            raise SpecError(message)
        if not any(key in fields[kind] for kind in asked):
            owners = [kind.KEY for kind in kinds if key in fields[kind]]
            message = f"{where}: {key} needs {' or '.join(dict.fromkeys(owners))}"
            raise SpecError(message)
    for kind in asked:
        values = {name: value for name, value in item.items() if name in fields[kind]}
        try:
            condition: Condition = from_json({**values, "subject": subject}, kind)
        except Exception as exc:
            message = f"{where}: {explain(exc)}"
            raise SpecError(message) from exc
        yield condition
