"""What would run, as `llmops plan` prints it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from llmops_sdk.cli.output.tables import count, new_grid, open_console
from llmops_sdk.values.functions import shown_options
from llmops_sdk.values.generation_options import describe_exceptions
from llmops_sdk.values.load import PlannedLoad
from llmops_sdk.values.names import weights_text
from llmops_sdk.values.plan import Component, GenerateStep, Plan, PlannedModel, PlannedRetention, TrainStep
from llmops_sdk.values.prompts import FunctionTemplate, PromptTemplate, TextTemplate
from llmops_sdk.values.serial import to_json

if TYPE_CHECKING:
    from rich.table import Table

_MOST_STEPS = 30
_MOST_CHARACTERS = 160


def show_plan(
    plan: Plan,
    fields: Mapping[str, Sequence[str]] | None = None,
    lengths: Mapping[str, str] | None = None,
    evidence: Iterable[tuple[str, str, str]] = (),
) -> None:
    """Print the parts of a plan with all their options, then its steps.

    Args:
        plan: The plan.
        fields: The fields of the records of each dataset, as far as they are known.
        lengths: How long each model is trained, as far as it is known.
        evidence: What the test records can show: rows of a label, a dataset and a sentence.
    """
    fields, lengths = fields or {}, lengths or {}
    console, grid = open_console(), new_grid(None, None, None)
    console.print(f"pipeline '{plan.name}': {_summary(plan)}\n")
    for dataset in plan.datasets:
        _add_dataset(grid, dataset, fields.get(dataset.name, ()))
    for prompt in plan.prompts:
        use = "" if prompt.use == prompt.name else f"{prompt.use}: "
        grid.add_row("prompt", prompt.name, use + _preview(prompt.template))
        for key, retrieval in (("  examples", prompt.examples), ("  retrieve", prompt.retrieve)):
            if retrieval:
                grid.add_row(key, retrieval.by, str(retrieval))
    for model in plan.models:
        for row in _model_rows(plan, model, lengths.get(model.name, "")):
            grid.add_row(*row)
    for row in (*_other_rows(plan), *evidence):
        grid.add_row(*row)
    console.print(grid)
    console.print("\nsteps")
    for step in plan.steps[:_MOST_STEPS]:
        console.print(f"  {step.name}")
    if len(plan.steps) > _MOST_STEPS:
        console.print(f"  … and {len(plan.steps) - _MOST_STEPS} more")


def _other_rows(plan: Plan) -> Iterator[tuple[str, str, str]]:
    yield "generation", "", _values(to_json(plan.generation))
    for evaluator in plan.evaluators:
        yield "evaluator", evaluator.name, _options(evaluator)
    yield "decided by", plan.metric, f"no worse than {plan.baseline} by {plan.margin:g}" if plan.margin else ""
    if plan.weights:
        yield "weights", weights_text(plan.weights), "for a verdict over all datasets"
    yield from _forms_rows(plan)
    if plan.retention:
        yield from _retention_rows(plan, plan.retention)
    for candidate in dict.fromkeys(plan.cell_by_name[name].candidate for name in plan.noise_floor):
        yield "noise floor", candidate, "asked a second time, and compared with itself"
    if plan.looks:
        shares = ", ".join(f"{share:.0%}" for share in plan.looks)
        yield (
            "stop early",
            f"{len(plan.looks)} looks",
            f"at {shares} of the records; worse candidates are asked no more",
        )
    if plan.load:
        yield "load", ", ".join(map(str, plan.load.concurrency)), _load(plan, plan.load)
    if plan.costs.traffic:
        yield "traffic", "", plan.costs.traffic.text
    yield "executor", plan.executor.use, _values(plan.executor.options)
    for plugin, settings in plan.settings.items():
        yield "settings", plugin, _values(settings)
    for reporter in plan.reporters:
        yield "reporter", reporter.name, _options(reporter)


def _load(plan: Plan, load: PlannedLoad) -> str:
    measured = [step.model for name in load.cells if isinstance(step := plan.step_by_name[name], GenerateStep)]
    others = [model.name for model in plan.models if model.name not in measured]
    recorded = f"; not of {', '.join(others)}: recorded answers have no speed" if others else ""
    return f"requests at a time, {load.requests:,} of each: the speed of {', '.join(measured)}{recorded}"


def _forms_rows(plan: Plan) -> Iterator[tuple[str, str, str]]:
    """Yield which forms of a model are compared with which."""
    for forms in plan.forms:
        others = ", ".join(forms.models[1:])
        yield "equivalent", others, f"each to {forms.models[0]} within {forms.margin:g}"


def _retention_rows(plan: Plan, retention: PlannedRetention) -> Iterator[tuple[str, str, str]]:
    """Yield what tuned candidates are asked besides, and what each is compared with."""
    yield "retention", retention.dataset.name, _options(retention.dataset)
    yield "  decided by", retention.metric, f"each tuned candidate no worse than its base by {retention.margin:g}"
    asked = {plan.cell_by_name[cell].candidate: plan.cell_by_name[base] for cell, base in retention.bases.items()}
    for candidate, base in asked.items():
        own = base.model in {model.name for model in retention.models}
        is_asked = any(cell.candidate == base.candidate for cell in plan.cells)
        only = (
            ""
            if is_asked
            else f", which is {'no candidate and ' if own else ''}asked about {retention.dataset.name} only"
        )
        yield "  base of", candidate, f"{base.candidate}{only}"


def _add_dataset(grid: Table, dataset: Component, fields: Sequence[str]) -> None:
    grid.add_row("dataset", dataset.name, _options(dataset))
    if fields:
        grid.add_row("  fields", "", ", ".join(fields))


def _model_rows(plan: Plan, model: PlannedModel, length: str) -> Iterator[tuple[str, str, str]]:
    base = model.base
    yield "model", model.name, " ".join(filter(None, (base.source, base.version, _values(base.parameters))))
    if len(plan.prompts) > 1:
        yield "  prompts", "", ", ".join(model.prompts)
    reference = next((forms.models[0] for forms in plan.forms if model.name in forms.models), model.name)
    if reference != model.name:
        yield "  weights", reference, "the same, served in another form"
    elif model.trainer:
        shared = {name: value for name, value in model.trainer.options.items() if not model.seeds or name != "seed"}
        yield "  trainer", model.trainer.use, _values(shared)
        seeds = f"one for each of the seeds {', '.join(map(str, model.seeds))}: " if model.seeds else ""
        prompt = f"with prompt {model.train_prompt}" if model.train_prompt else ""
        if seeds or prompt or length:
            yield "  training", "", seeds + ", ".join(filter(None, (prompt, length)))
    yield "  deployer", model.deployer.use, _values(shown_options(model.deployer.options))
    if model.varies:
        yield "  varies", "", describe_exceptions(model.varies)
    if model.repeats < plan.generation.repeats:
        yield "  repeats", "", "none: its answers to a record are always the same"


def _summary(plan: Plan) -> str:
    candidates = len({cell.candidate for cell in plan.cells})
    trained = len({model.form_of or model.name for model in plan.models if model.trainer is not None})
    trainings = sum(isinstance(step, TrainStep) for step in plan.steps)
    fine_tunes = f"will fine-tune {count(trained, 'model')}"
    if trainings > trained:
        fine_tunes += f" in {count(trainings, 'training')}"
    parts = (
        f"{count(candidates, 'candidate')} on {count(len(plan.datasets), 'dataset')}",
        f"asks {count(len(plan.model_by_name), 'model')}",
        fine_tunes if trained else "fine-tunes none",
        count(len(plan.steps), "step"),
    )
    return ", ".join(parts)


def _options(component: Component) -> str:
    use = "" if component.use == component.name else f"{component.use}: "
    return use + _values(shown_options(component.options))


def _values(options: object) -> str:
    return " ".join(f"{name}={value!r}" for name, value in dict(options).items())  # type: ignore[call-overload]


def _preview(template: PromptTemplate) -> str:
    if isinstance(template, FunctionTemplate):
        return _values(template.options)
    if isinstance(template, TextTemplate):
        text = f"{template.prompt}{template.response_key}"
    else:
        text = " ".join(f"[{message['role']}] {message['content']}" for message in template.messages)
    text = text.strip()
    shown = text if len(text) <= _MOST_CHARACTERS else f"{text[:_MOST_CHARACTERS]}…"
    return shown.replace("\n", "\\n")
