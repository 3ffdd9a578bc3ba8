"""What changed between the inputs of a step and those of the same step of an earlier run, before and after in short."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from llmops_sdk.explain.differences import compare_hashes, compare_mappings, compare_values
from llmops_sdk.explain.earlier import RecordedStep
from llmops_sdk.record.artifacts import read_value
from llmops_sdk.values.data import DatasetSplits
from llmops_sdk.values.functions import function_key, shown_options
from llmops_sdk.values.generation_options import vary
from llmops_sdk.values.plan import Component, GenerateStep, Plan, PlannedModel, ScoreStep, Step, TrainStep
from llmops_sdk.values.prompts import FunctionTemplate, PromptTemplate
from llmops_sdk.values.serial import to_json


def find_changes(before: RecordedStep, after: RecordedStep) -> dict[str, str]:
    """Return the inputs that changed, each with what changed about it.

    Args:
        before: The step of the earlier run.
        after: The step.
    """
    old, new = before.record.inputs, after.record.inputs
    changes = {}
    for name, value in new.items():
        if name not in old:
            changes[name] = "new"
        elif old[name] != value:
            changes[name] = _describe(name, before, after) or compare_hashes(old[name], value)
    return changes | {name: "no longer there" for name in old if name not in new}


def compare_plans(before: RecordedStep, after: RecordedStep) -> dict[str, str]:
    """Return what changed for a step whose inputs are not recorded: the decision's options, and the steps before it.

    Args:
        before: The step of the earlier run.
        after: The step.
    """
    changes = {}
    for name, label in _DECIDED_BY.items():
        old, new = getattr(before.run.plan, name), getattr(after.run.plan, name)
        if old != new:
            changes[label] = compare_values(to_json(old), to_json(new))
    earlier = {name: before.run.record(name) for name in before.step.needs}
    for name in after.step.needs:
        if name not in earlier:
            changes[f"step {name!r}"] = "new"
        elif _artifacts(earlier[name]) != _artifacts(after.run.record(name)):
            changes[f"step {name!r}"] = f"what it made is another one; see: llmops explain {after.run.id} {name}"
    return changes | {f"step {name!r}": "no longer there" for name in earlier if name not in after.step.needs}


_DECIDED_BY = {
    "metric": "the deciding metric",
    "baseline": "the baseline",
    "margin": "the margin",
    "weights": "the weights of the datasets",
    "noise_floor": "the noise floor",
    "looks": "the planned looks",
}
"""Fields of a plan that decide how candidates are compared, and what messages call them."""


def _artifacts(record: Any) -> Any:
    return getattr(record, "artifacts", None)


def _describe(name: str, before: RecordedStep, after: RecordedStep) -> str:
    for pattern, describe in _LABELS:
        if match := re.fullmatch(pattern, name):
            return describe(before, after, *match.groups())
    return ""


def _options(before: RecordedStep, after: RecordedStep, kind: str, name: str) -> str:
    old, new = (_component(each, kind, name) for each in (before, after))
    if old is None or new is None:
        return ""
    if old.use != new.use:
        return f"{old.use!r} → {new.use!r}"
    return compare_mappings(shown_options(old.options), shown_options(new.options)) or _versions(
        before.run.plan, after.run.plan
    )


def _versions(before: Plan, after: Plan) -> str:
    """Return what else changes the key of options: another version of the plugin."""
    old = {pin.name: f"{pin.distribution} {pin.version}" for pin in before.plugins}
    new = {pin.name: f"{pin.distribution} {pin.version}" for pin in after.plugins}
    versions = compare_mappings(old, new)
    return f"plugin {versions}" if versions else "the plugin computes it in another way than before"


def _component(of: RecordedStep, kind: str, name: str) -> Component | None:
    plan = of.run.plan
    if kind == "dataset":
        return plan.dataset_by_name.get(name)
    if kind == "evaluator":
        return next((evaluator for evaluator in plan.evaluators if evaluator.name == name), None)
    model = _model(plan, of.step)
    if model is None:
        return None
    return model.trainer_of(getattr(of.step, "seed", None)) if kind == "trainer" else model.deployer


def _model(plan: Plan, step: Step) -> PlannedModel | None:
    if isinstance(step, (TrainStep, GenerateStep)):
        return plan.model_by_name.get(step.model)
    if isinstance(step, ScoreStep):
        return plan.model_by_name.get(plan.cell_by_name[step.cell].model)
    return None


def _edited(before: RecordedStep, after: RecordedStep, label: str) -> str:
    return f"edited: {compare_hashes(before.record.inputs[label], after.record.inputs[label])}"


def _dataset(before: RecordedStep, after: RecordedStep, name: str) -> str:
    old, new = (_splits(each, name) for each in (before, after))
    if old is None or new is None:
        return ""
    records = compare_values(_counts(old), _counts(new)) if _counts(old) != _counts(new) else ""
    source = compare_mappings(old.source, new.source)
    files = f"other records, as many as before: {compare_hashes(old.test.sha256, new.test.sha256)}"
    if old.test.sha256 == new.test.sha256:
        files = f"other train records, as many as before: {compare_hashes(old.train.sha256, new.train.sha256)}"
    return ", ".join(filter(None, (records.replace("'", ""), source))) or files


def _counts(splits: DatasetSplits) -> str:
    return f"{splits.train.records:,} train and {splits.test.records:,} test records"


def _splits(of: RecordedStep, dataset: str) -> DatasetSplits | None:
    value = _value(of, f"prepare.{dataset}", "data")
    return value.read(DatasetSplits) if value else None


def _prompt(before: RecordedStep, after: RecordedStep, name: str) -> str:
    old, new = (each.run.plan.prompt_by_name.get(name) for each in (before, after))
    if old is None or new is None:
        return ""
    return compare_mappings(*(_indexed(_template(each.template)) for each in (old, new)))


def _template(template: PromptTemplate) -> Mapping[str, Any]:
    data: dict[str, Any] = to_json(template)
    if isinstance(template, FunctionTemplate):
        data["function"] = function_key(template.function, template.options)
    return data


def _indexed(value: Any) -> Any:
    """Return JSON with lists as mappings, so that a changed message of a chat is named alone."""
    if isinstance(value, Mapping):
        return {name: _indexed(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)) and any(isinstance(item, Mapping) for item in value):
        return {str(number): _indexed(item) for number, item in enumerate(value, start=1)}
    return value


def _base(before: RecordedStep, after: RecordedStep, name: str) -> str:
    old, new = (each.run.plan.model_by_name.get(name) for each in (before, after))
    return compare_mappings(to_json(old.base), to_json(new.base)) if old and new else ""


def _weights(before: RecordedStep, after: RecordedStep, name: str) -> str:
    trained = after.step.train if isinstance(after.step, GenerateStep) else ""
    if not trained:
        return _base(before, after, name)
    if isinstance(before.step, GenerateStep) and not before.step.train:
        return f"fine-tuned now, by step {trained!r}"
    return f"those that step {trained!r} made; see: llmops explain {after.run.id} {trained}"


def _engine(before: RecordedStep, after: RecordedStep, _name: str) -> str:
    return compare_mappings(_details(before, "generations/", "endpoint"), _details(after, "generations/", "endpoint"))


def _provenance(before: RecordedStep, after: RecordedStep, name: str) -> str:
    old, new = (_details(each, f"scores.{name}", "provenance") for each in (before, after))
    return compare_mappings(old, new)


def _details(of: RecordedStep, name_or_kind: str, field: str) -> Mapping[str, Any]:
    """Return a field of the value of the first artifact whose name, or kind, is this."""
    for name, address in of.record.artifacts.items():
        if name == name_or_kind or (name_or_kind.endswith("/") and address.startswith(name_or_kind)):
            artifact = read_value(of.run.store, address)
            value = artifact.value.get(field, {}) if artifact else {}
            return value if isinstance(value, Mapping) else {}
    return {}


def _load(before: RecordedStep, after: RecordedStep) -> str:
    old, new = (each.run.plan.load for each in (before, after))
    if old is None or new is None:
        return ""
    named = ({"concurrency": list(each.concurrency), "requests": each.requests} for each in (old, new))
    return compare_mappings(*named) or "the options of its deployer"


def _generation(before: RecordedStep, after: RecordedStep) -> str:
    old, new = (_generation_options(each) for each in (before, after))
    return compare_mappings(old, new)


def _generation_options(of: RecordedStep) -> Mapping[str, Any]:
    model = _model(of.run.plan, of.step)
    return vary(of.run.plan.generation, model.varies if model else {}).key


def _repeats(before: RecordedStep, after: RecordedStep) -> str:
    label = "the number of repeats"
    return f"{before.record.inputs[label]} → {after.record.inputs[label]}"


def _looks(before: RecordedStep, after: RecordedStep, *_names: str) -> str:
    old, new = before.run.plan.looks, after.run.plan.looks
    return compare_values(list(old), list(new)) if old != new else "other candidates stopped before"


def _answers(_before: RecordedStep, after: RecordedStep, _name: str) -> str:
    (generate, *_) = after.step.needs
    return f"those that step {generate!r} got; see: llmops explain {after.run.id} {generate}"


def _value(of: RecordedStep, step: str, name: str) -> Any:
    artifacts = _artifacts(of.run.record(step)) or {}
    return read_value(of.run.store, artifacts.get(name, "")) if name in artifacts else None


_LABELS: tuple[tuple[str, Callable[..., str]], ...] = (
    (r"the options of (\S+) '(.*)'", _options),
    (r"(the (?:code|files) of \S+ '.*')", _edited),
    (r"the (?:data|train records|test records) of dataset '(.*)'", _dataset),
    (r"the prompt '(.*)'", _prompt),
    (r"the base weights of model '(.*)'", _base),
    (r"the weights of model '(.*)'", _weights),
    (r"the engine of model '(.*)'", _engine),
    (r"the generation options", _generation),
    (r"the load", _load),
    (r"the number of repeats", _repeats),
    (r"the records that (.*) is asked", _looks),
    (r"the answers of candidate '(.*)'", _answers),
    (r"what evaluator '(.*)' uses", _provenance),
)
"""What the steps call their inputs, and what describes the change of one; the groups are passed to it."""
