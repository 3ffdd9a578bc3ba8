"""What must be the same for two sets of scores to be compared: the prompt, the generation options and the evaluator."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import attrs

from llmops_sdk.gate.evidence import RunEvidence
from llmops_sdk.values.generation_options import GenerationOptions
from llmops_sdk.values.plan import ScoreStep
from llmops_sdk.values.serial import to_json
from llmops_sdk.values.step_records import Succeeded

PROMPT, GENERATION, EVALUATORS, DATA = "prompt", "generation", "evaluators", "data"

DECLARABLE = (DATA, PROMPT, GENERATION, EVALUATORS)
"""What may differ from the baseline where the gate declares it."""

_SHOWN = 12
_LONGEST = 60


@attrs.frozen
class EvaluatorIdentity:
    """The version of an evaluator.

    Attributes:
        use: The card's name.
        key: The start of the hash of its options and of its own version.
        code: The start of the hash of its code and of the files that its options name; empty for shipped evaluators.
        provenance: What its numbers rest on: versions of libraries, models and their hashes.
    """

    use: str
    key: str
    code: str = ""
    provenance: Mapping[str, str] = attrs.field(factory=dict)


@attrs.frozen
class Identity:
    """How a candidate was asked and scored.

    Attributes:
        prompt: The name of the prompt.
        prompt_key: The start of the hash of its template.
        generation: The generation options, with the model's exceptions from them.
        evaluators: Evaluator name to its version.
        metrics: Metric name to the evaluator that it comes from.
    """

    prompt: str
    prompt_key: str
    generation: Mapping[str, Any]
    evaluators: Mapping[str, EvaluatorIdentity]
    metrics: Mapping[str, str]


def identify(evidence: RunEvidence, candidate: str, metrics: Collection[str]) -> Identity:
    """Return how a candidate of a run was asked and scored, as far as some metrics are concerned."""
    plan = evidence.run.plan
    cell = next(cell for cell in plan.cells if cell.candidate == candidate)
    prompt, model = plan.prompt_by_name[cell.prompt], plan.model_by_name[cell.model]
    of_metric = {
        metric.name: info.name for info in evidence.evaluators for metric in info.metrics if metric.name in metrics
    }
    inputs = _inputs(evidence, candidate)
    components = {component.name: component for component in plan.evaluators}
    evaluators = {
        info.name: EvaluatorIdentity(
            use=components[info.name].use,
            key=components[info.name].key[:_SHOWN],
            code="-".join(
                inputs[name][:_SHOWN]
                for name in (f"the code of evaluator {info.name!r}", f"the files of evaluator {info.name!r}")
                if inputs.get(name)
            ),
            provenance=dict(sorted(info.provenance.items())),
        )
        for info in evidence.evaluators
        if info.name in of_metric.values()
    }
    return Identity(
        prompt=cell.prompt,
        prompt_key=prompt.key[:_SHOWN],
        generation={**to_json(plan.generation), **to_json(dict(model.varies))},
        evaluators=evaluators,
        metrics=of_metric,
    )


def find_differences(baseline: Identity, now: Identity, metric: str) -> Iterator[tuple[str, str]]:
    """Yield each difference that keeps the scores of a metric from being compared: what differs, and how.

    Args:
        baseline: That of the baseline.
        now: That of the run.
        metric: The metric; both have it.
    """
    if baseline.prompt_key != now.prompt_key:
        names = f"{baseline.prompt!r} then, {now.prompt!r} now" if baseline.prompt != now.prompt else f"{now.prompt!r}"
        yield PROMPT, f"the template of the prompt ({names})"
    defaults = to_json(GenerationOptions())
    then_options, now_options = {**defaults, **baseline.generation}, {**defaults, **now.generation}
    for name in sorted(then_options.keys() | now_options.keys()):
        before, after = then_options.get(name), now_options.get(name)
        if before != after:
            yield GENERATION, f"{name} ({_short(before)} then, {_short(after)} now)"
    yield from _evaluator_differences(
        baseline.evaluators[baseline.metrics[metric]], now.evaluators[now.metrics[metric]], now.metrics[metric]
    )


def _evaluator_differences(then: EvaluatorIdentity, now: EvaluatorIdentity, name: str) -> Iterator[tuple[str, str]]:
    if then.use != now.use:
        yield EVALUATORS, f"the evaluator of the metric ({then.use!r} then, {now.use!r} now)"
        return
    if then.key != now.key:
        yield EVALUATORS, f"the options or the version of evaluator {name!r}"
    if then.code != now.code:
        yield EVALUATORS, f"the code of evaluator {name!r}"
    for key in sorted(then.provenance.keys() | now.provenance.keys()):
        before, after = then.provenance.get(key, "none"), now.provenance.get(key, "none")
        if before != after:
            yield EVALUATORS, f"{key} of evaluator {name!r} ({_short(before)} then, {_short(after)} now)"


def _inputs(evidence: RunEvidence, candidate: str) -> Mapping[str, str]:
    """Return what decided the scores of a candidate, by what messages call it, with its hash."""
    plan = evidence.run.plan
    cells = {cell.name for cell in plan.cells if cell.candidate == candidate}
    for step in plan.steps:
        if isinstance(step, ScoreStep) and step.cell in cells:
            record = evidence.run.record(step.name)
            if isinstance(record, Succeeded):
                return record.inputs
    return {}


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
