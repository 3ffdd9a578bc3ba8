"""The specification of a gate: its conditions, in a file of its own or under `gate:` of a pipeline's specification."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from llmops_sdk.errors import SpecError, did_you_mean
from llmops_sdk.gate.conditions.condition import Condition
from llmops_sdk.gate.conditions.equivalence import NO_FORMS, Equivalent
from llmops_sdk.gate.conditions.margin import NotWorseThan
from llmops_sdk.gate.conditions.registry import check_subjects, conditions_from
from llmops_sdk.gate.conditions.retention import MISSING, Retained
from llmops_sdk.gate.files import read_text
from llmops_sdk.gate.identity import DECLARABLE
from llmops_sdk.planning.specification.yaml_text import parse_yaml
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.record.layout import SPECIFICATION
from llmops_sdk.record.run import Run
from llmops_sdk.values.plan import Plan

GATE = "gate"
"""The key of a pipeline's specification with its gate."""

EXAMPLE = "rougeL: {at_least: 0.3}"

_CANDIDATE, _VARIES = "candidate", "varies"


@attrs.frozen
class Gate:
    """What must hold for a candidate to be shipped.

    Attributes:
        conditions: One or more.
        candidate: The candidate that is judged; empty for the only one, or the best by the verdict.
        varies: What may differ between the run and a baseline file.
        folder: The folder that the paths of baselines are relative to.
        where: How error messages start.
    """

    conditions: tuple[Condition, ...]
    candidate: str = ""
    varies: tuple[str, ...] = ()
    folder: Path = attrs.field(factory=Path)
    where: str = GATE

    @property
    def references(self) -> tuple[str, ...]:
        """What the conditions name as what the candidate must not be worse than."""
        names = (each.not_worse_than for each in self.conditions if isinstance(each, NotWorseThan))
        return tuple(dict.fromkeys(names))


def gate_from(data: Any, *, where: str, folder: Path) -> Gate:
    """Make a gate from the data of a file.

    Args:
        data: The data.
        where: How error messages start.
        folder: The folder that paths are relative to.

    Raises:
        SpecError: It does not fit; the message names the key.
    """
    if not isinstance(data, Mapping):
        message = f"{where} is a mapping of metrics to conditions, such as {EXAMPLE}"
        raise SpecError(message)
    candidate, varies = data.get(_CANDIDATE, ""), data.get(_VARIES, [])
    if not isinstance(candidate, str):
        message = f"{where}: candidate is the name of a candidate, not {candidate!r}"
        raise SpecError(message)
    if not isinstance(varies, (list, tuple)):
        message = f"{where}: varies is a list of what may differ from a baseline, such as [prompt], not {varies!r}"
        raise SpecError(message)
    for name in varies:
        if name not in DECLARABLE:
            message = f"{where}: varies has {name!r}, which is not known{did_you_mean(str(name), DECLARABLE)}"
            raise SpecError(message)
    conditions = tuple(
        condition
        for subject, item in data.items()
        if subject not in (_CANDIDATE, _VARIES)
        for condition in conditions_from(str(subject), item, where)
    )
    if not conditions:
        message = f"{where} has no condition; add one, such as {EXAMPLE}"
        raise SpecError(message)
    return Gate(conditions, candidate, tuple(varies), folder, where)


def read_gate(path: Path) -> Gate:
    """Read a gate file, or the gate of a pipeline's specification; paths in it are relative to the file.

    Raises:
        UserError: It cannot be read, or does not fit.
    """
    data = parse_yaml(read_text(path, "the gate", f"write one with a condition, such as {EXAMPLE}"), str(path))
    where = str(path)
    if isinstance(data, Mapping) and (GATE in data or "models" in data):
        if GATE not in data:
            message = f"{where} has no key gate: add the conditions below it, such as {EXAMPLE}"
            raise SpecError(message)
        data, where = data[GATE], f"{where}: {GATE}"
    return gate_from(data, where=where, folder=path.parent)


def gate_of_run(run: Run) -> Gate:
    """Return the gate that the specification of a run has; paths in it are relative to the current folder.

    Raises:
        SpecError: It has none.
    """
    text = (run.read(SPECIFICATION) or b"").decode("utf-8", errors="replace")
    data = parse_yaml(text, f"the specification of run {run.id!r}")
    if not isinstance(data, Mapping) or GATE not in data:
        message = f"the specification of run {run.id!r} has no gate: name a file with conditions, --file gate.yaml, such as {EXAMPLE}"
        raise SpecError(message)
    return gate_from(data[GATE], where=f"the specification of run {run.id!r}: {GATE}", folder=Path())


def check_gate(data: Mapping[str, Any], plan: Plan, registry: Registry, folder: Path) -> None:
    """Check the gate of a pipeline before it runs: its form, its metrics, its datasets and its candidate.

    Args:
        data: The value of `gate:`.
        plan: The plan.
        registry: The plugins.
        folder: The folder that paths are relative to.

    Raises:
        SpecError: It does not fit.
    """
    gate = gate_from(data, where=GATE, folder=folder)
    metrics = {
        metric.name: metric
        for component in plan.evaluators
        for metric in registry.make("evaluator", component.use, component.options).metrics
    }
    check_subjects(gate.conditions, metrics, gate.where)
    if plan.retention is None and any(isinstance(each, Retained) for each in gate.conditions):
        message = f"{GATE}: {MISSING}"
        raise SpecError(message)
    if not plan.forms and any(isinstance(each, Equivalent) for each in gate.conditions):
        message = f"{GATE}: {NO_FORMS}"
        raise SpecError(message)
    check_datasets(gate, [dataset.name for dataset in plan.datasets])
    names = {name for cell in plan.cells for name in (cell.candidate, cell.model)}
    if gate.candidate and gate.candidate not in names:
        message = f"{GATE}: candidate {gate.candidate!r} is no candidate of this pipeline{did_you_mean(gate.candidate, names)}"
        raise SpecError(message)


def check_datasets(gate: Gate, datasets: list[str]) -> None:
    """Check that the datasets of conditions exist.

    Raises:
        SpecError: One does not.
    """
    for condition in gate.conditions:
        if condition.dataset and condition.dataset not in datasets:
            message = f"{gate.where}: {condition.subject}: there is no dataset {condition.dataset!r}{did_you_mean(condition.dataset, datasets)}"
            raise SpecError(message)
