"""Pipelines, plans, runs, results and decisions as notebooks show them: a few lines of HTML in the notebook's own colours.

Everything but this module's own markup is escaped, and control characters are shown as their codes. Nothing is loaded
and no script runs. Colours come from the page around, so a dark notebook needs no style of its own.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import singledispatch
from typing import Any

from markupsafe import Markup

from llmops_sdk.errors import LLMOpsError
from llmops_sdk.pipeline.pipeline import Pipeline
from llmops_sdk.pipeline.result import Result
from llmops_sdk.pipeline.summary import summarize
from llmops_sdk.planning.specification.spec import ComponentSpec, ModelSpec, Override
from llmops_sdk.progress import plain
from llmops_sdk.record.run import Run
from llmops_sdk.report.axes import Axis, interval_axis
from llmops_sdk.report.numbers import duration, interval, number
from llmops_sdk.values.boards import all_boards
from llmops_sdk.values.estimates import Estimate
from llmops_sdk.values.names import weights_text
from llmops_sdk.values.plan import Cell, Plan, PlannedModel, step_kind
from llmops_sdk.values.results import CellResult, Leaderboard, Overall, Verdict
from llmops_sdk.values.serial import to_json
from llmops_sdk.values.step_records import Failed, Succeeded

# The class is doubled to take precedence over the rules that notebooks have for tables.
_STYLE = """
.llmops.llmops { font-size: 13px; line-height: 1.5; max-width: 70em; overflow-x: auto; }
.llmops.llmops table { border-collapse: collapse; border: 0; margin: .3em 0 .6em; font-size: inherit; }
.llmops.llmops tbody tr, .llmops.llmops tbody tr:nth-child(odd), .llmops.llmops tbody tr:hover { background: none; }
.llmops.llmops th, .llmops.llmops td { border: 0; border-bottom: 1px solid rgba(127, 127, 127, .35); padding: .2em 1.2em .2em 0; text-align: left;
  vertical-align: top; white-space: normal; max-width: 44em; }
.llmops.llmops th { font-weight: 600; }
.llmops.llmops tbody th { font-weight: 400; opacity: .75; }
.llmops.llmops td.number { font-variant-numeric: tabular-nums; white-space: nowrap; }
.llmops.llmops .bar { position: relative; display: block; width: 11em; height: 1.5em; }
.llmops.llmops .bar i { position: absolute; top: .7em; height: 2px; background: currentColor; opacity: .55; }
.llmops.llmops .bar b { position: absolute; top: .45em; width: .6em; height: .6em; margin-left: -.3em; border-radius: 50%; background: currentColor; }
.llmops.llmops p { margin: .3em 0; }
.llmops.llmops .title { font-weight: 600; font-size: 1.1em; }
.llmops.llmops .dim { opacity: .75; }
.llmops.llmops pre { margin: .3em 0; white-space: pre-wrap; background: none; color: inherit; font-size: 12px; }
.llmops.llmops summary { cursor: pointer; opacity: .75; }
"""
_PAGE = Markup('<div class="llmops"><style>' + _STYLE.replace("{", "{{").replace("}", "}}") + "</style>{}</div>")  # noqa: S704 - no foreign text


def to_html(value: Any) -> str | None:
    """Return what a notebook shows of a value, or None where it should show its text."""
    try:
        return str(_PAGE.format(_show(value)))
    except (LLMOpsError, OSError):
        return None  # a damaged record, a store that cannot be reached: the text of `repr` has the reason


@singledispatch
def _show(value: Any) -> Markup:
    return _preformatted(repr(value))


@_show.register
def _pipeline(pipeline: Pipeline) -> Markup:
    spec = pipeline.spec
    rows = {
        "datasets": _lines(map(_component, spec.datasets)) or "the default",
        "prompts": _lines(map(_component, spec.prompts)) or "the models' own",
        "models": _lines(map(_model_spec, spec.models)) or "none yet",
        "trainer": _override(spec.trainer),
        "deployer": _override(spec.deployer),
        "generation": _options(to_json(spec.generation)),
        "evaluators": _lines(map(_component, spec.evaluators)) or "the default",
        "decided by": _decision(spec.decide_by, spec.baseline, spec.margin, spec.weights),
        "gate": _options(spec.gate),
        "reporters": _lines(map(_component, spec.reporters)),
        "executor": _component(spec.executor),
    }
    return _join(
        _title("pipeline", spec.name), _named_texts(rows), _details("as a file", _preformatted(pipeline.to_yaml()))
    )


@_show.register
def _plan(plan: Plan) -> Markup:
    kinds = Counter(step_kind(step.name) for step in plan.steps)
    rows = {
        "datasets": _lines(_use(dataset.name, dataset.use) for dataset in plan.datasets),
        "evaluators": _lines(_use(evaluator.name, evaluator.use) for evaluator in plan.evaluators),
        "decided by": _decision(plan.metric, plan.baseline, plan.margin, plan.weights),
        "generation": _options(to_json(plan.generation)),
        "executor": plan.executor.use,
        "steps": f"{len(plan.steps)}: {', '.join(f'{count} {kind}' for kind, count in kinds.items())}",
        "plan": plan.hash[:12],
    }
    candidates: dict[str, list[str]] = {}
    for cell in plan.cells:
        candidates.setdefault(cell.candidate, [])
        if cell.dataset not in candidates[cell.candidate]:
            candidates[cell.candidate].append(cell.dataset)
    first = {cell.candidate: cell for cell in reversed(plan.cells)}
    origins = () if plan.is_imported else ("prompt", "training", "deployer", "varies")
    table = [
        (name, ", ".join(datasets), *(_origin(plan, first[name]) if origins else ()))
        for name, datasets in candidates.items()
    ]
    return _join(
        _title("plan", plan.name),
        _table(("candidate", "datasets", *origins), table),
        _named_texts(rows),
    )


@_show.register
def _run(run: Run) -> Markup:
    states: dict[str, Counter[str]] = {}
    seconds: dict[str, float] = {}
    failures = []
    for step in run.plan.steps:
        kind, record = step_kind(step.name), run.record(step.name)
        states.setdefault(kind, Counter())[_state(record)] += 1
        if record is not None:
            seconds[kind] = seconds.get(kind, 0.0) + record.seconds
        if isinstance(record, Failed) and record.cause == record.step:
            failures.append((step.name, record.error))
    names = [name for name in ("done", "reused", "failed", "open") if any(count[name] for count in states.values())]
    steps = [
        (kind, *(str(count[name] or "") for name in names), duration(seconds.get(kind, 0.0)))
        for kind, count in states.items()
    ]
    rows = {
        "pipeline": run.plan.name,
        "created": f"{run.metadata.created_at:%Y-%m-%d %H:%M} UTC",
        "executor": run.plan.executor.use,
        "machine": run.metadata.machine,
        "rescored from": run.metadata.based_on,
        "record": run.location,
        "results": "" if run.has_results else f"none yet; resume with: llmops run --resume {run.id}",
    }
    return _join(
        _title("run", run.id),
        _named_texts(rows),
        _table(("step", *names, "time"), steps),
        _table(("failed step", "error"), failures) if failures else "",
    )


@_show.register
def _result(result: Result) -> Markup:
    run = result.run
    if not run.has_results:
        return _preformatted(summarize(run))
    results = run.results()
    labels = {metric.name: metric.label for evaluator in results.evaluators for metric in evaluator.metrics}
    is_imported = run.plan.is_imported
    boards = [
        _board(board, labels.get(board.metric) or board.metric, is_imported=is_imported)
        for board in all_boards(results)
    ]
    overall = results.overall
    return _join(
        _title("run", run.id),
        *boards,
        _overall(overall, labels.get(overall.metric) or overall.metric) if overall else "",
        _dim(f"record: {run.location}"),
    )


@_show.register
def _verdict(verdict: Verdict) -> Markup:
    best = verdict.best_interval
    rows = {
        "best": f"{verdict.best}: {number(best.mean)} {interval(best)}" if best else verdict.best,
        "tied with it": ", ".join(verdict.tied),
        "worse": ", ".join(verdict.worse),
        "against the baseline": _lines(margin.text for margin in verdict.margins),
        "caveats": _lines(verdict.caveats),
    }
    return _join(_conclusion(verdict), _named_texts(rows))


def _board(board: Leaderboard, metric: str, *, is_imported: bool) -> Markup:
    estimates = [each.estimates[board.metric] for each in board.cells if board.metric in each.estimates]
    axis = interval_axis(estimates)
    training = [] if is_imported else ["training"]
    rows = [
        (
            cell.candidate,
            *_scores(cell.estimates.get(board.metric), axis),
            *([_training(cell)] if training else []),
            _answered(cell),
            _place(board, cell),
        )
        for cell in board.cells
    ]
    rows += [
        (failed.label, "no result", "", "", *("" for _ in training), "", f"step {failed.step} failed: {failed.error}")
        for failed in board.failed
    ]
    head = ("candidate", metric, "95 % interval", "", *training, "answered", "")
    heading = Markup("<p><strong>{}</strong> {}</p>").format(_clean(board.dataset), f"decided by {metric}")
    return _join(heading, _table(head, rows), _conclusion(board.verdict))


def _overall(overall: Overall, metric: str) -> Markup:
    axis = interval_axis([each.estimate for each in overall.means])
    rows = [(each.candidate, *_scores(each.estimate, axis)) for each in overall.means]
    heading = Markup("<p><strong>all datasets</strong> {}</p>").format(_clean(weights_text(overall.weights)))
    return _join(heading, _table(("candidate", metric, "95 % interval", ""), rows), _conclusion(overall.verdict))


def _scores(estimate: Estimate | None, axis: Axis) -> tuple[str | Markup, ...]:
    if estimate is None:
        return ("no score", "", "")
    return (_number(number(estimate.mean)), _number(interval(estimate)), _bar(estimate, axis))


def _bar(estimate: Estimate, axis: Axis) -> Markup:
    """Draw a mean and its interval on the scale of the table."""
    line = Markup("")
    if estimate.low is not None and estimate.high is not None:
        left, right = axis.share(estimate.low), axis.share(estimate.high)
        line = Markup('<i style="left:{:.2f}%;width:{:.2f}%"></i>').format(100 * left, 100 * (right - left))
    return Markup('<span class="bar" aria-hidden="true">{}<b style="left:{}"></b></span>').format(
        line, axis.at(estimate.mean)
    )


def _place(board: Leaderboard, cell: CellResult) -> str:
    verdict = board.verdict
    if cell.candidate == verdict.best:
        return "best" if verdict.settled else "best mean"
    return "tied" if cell.candidate in verdict.tied else "worse" if cell.candidate in verdict.worse else ""


def _origin(plan: Plan, cell: Cell) -> tuple[str, ...]:
    """Return how a candidate is made: its prompt, training and deployer, and its exceptions from the generation options."""
    model = plan.model_by_name[cell.model]
    return (cell.prompt, _training_planned(model), model.deployer.use, _text(model.varies))


def _training(cell: CellResult) -> str:
    seeds = f", {len(cell.checkpoints)} seeds" if cell.checkpoints else ""
    return f"fine-tuned{seeds}" if cell.fine_tuned else "base"


def _training_planned(model: PlannedModel) -> str:
    if model.trainer is None:
        return "base"
    return f"{model.trainer.use}, seeds {', '.join(map(str, model.seeds))}" if model.seeds else model.trainer.use


def _answered(cell: CellResult) -> str:
    return f"{cell.answered:,} of {cell.questions:,}"


def _state(record: Succeeded | Failed | None) -> str:
    if record is None:
        return "open"
    return "failed" if isinstance(record, Failed) else "reused" if record.cached else "done"


def _conclusion(verdict: Verdict) -> Markup:
    headline = verdict.headline or verdict.text
    rest = verdict.text.removeprefix(headline).strip()
    more = _details("why", Markup("<p>{}</p>").format(_clean(rest))) if rest else ""
    return _join(Markup("<p><strong>{}</strong></p>").format(_clean(headline)), more)


def _decision(metric: str, baseline: str, margin: float | None, weights: Mapping[str, float]) -> str:
    parts = [metric or "the first metric"]
    parts += [f"baseline {baseline}"] if baseline else []
    parts += [f"margin {margin:g}"] if margin is not None else []
    parts += [f"weights {weights_text(weights)}"] if weights else []
    return ", ".join(parts)


def _component(component: ComponentSpec) -> str:
    return f"{_use(component.name, component.use)} {_options(component.options)}".strip()


def _model_spec(model: ModelSpec) -> str:
    training = {None: "", True: "fine-tuned", False: "as it is"}[model.fine_tune]
    trainer = _override(model.trainer)
    parts = [_use(model.name, model.use), _options(model.options), training, f"trainer {trainer}" if trainer else ""]
    return ", ".join(filter(None, parts))


def _override(override: Override) -> str:
    return f"{override.use} {_options(override.options)}".strip()


def _use(name: str, use: str) -> str:
    return f"{name} ({use})" if name and name != use else use


def _options(options: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}: {_text(value)}" for name, value in options.items() if value not in (None, "", [], {}))


def _text(value: Any) -> str:
    if value in (None, {}, [], ()):
        return ""
    return value if isinstance(value, str) else json.dumps(to_json(value), ensure_ascii=False, default=repr)


# -- markup --------------------------------------------------------------------------------------


def _title(kind: str, name: str) -> Markup:
    return Markup('<p><span class="dim">{}</span> <span class="title">{}</span></p>').format(kind, _clean(name))


def _named_texts(rows: Mapping[str, str | Markup]) -> Markup:
    """Return a table of names and texts; those without a text are left out."""
    lines = [
        Markup("<tr><th>{}</th><td>{}</td></tr>").format(name, _clean(text)) for name, text in rows.items() if text
    ]
    return Markup("<table><tbody>{}</tbody></table>").format(_join(*lines))


def _table(head: Sequence[str], rows: Iterable[Sequence[str | Markup]]) -> Markup:
    """Return a table; a column that is empty in all rows is left out."""
    table = [list(row) for row in rows]
    shown = [index for index in range(len(head)) if any(row[index] for row in table)]
    titles = _join(*(Markup("<th>{}</th>").format(_clean(head[index])) for index in shown))
    lines = _join(*(Markup("<tr>{}</tr>").format(_join(*(_cell(row[index]) for index in shown))) for row in table))
    return Markup("<table><thead><tr>{}</tr></thead><tbody>{}</tbody></table>").format(titles, lines)


def _cell(content: str | Markup) -> Markup:
    is_cell = isinstance(content, Markup) and content.startswith("<td")
    return content if is_cell else Markup("<td>{}</td>").format(_clean(content))  # type: ignore[return-value] # a Markup


def _number(text: str) -> Markup:
    return Markup('<td class="number">{}</td>').format(text)


def _lines(texts: Iterable[str]) -> Markup:
    return Markup("<br>").join(_clean(text) for text in texts)


def _details(summary: str, content: Markup) -> Markup:
    return Markup("<details><summary>{}</summary>{}</details>").format(summary, content)


def _preformatted(text: str) -> Markup:
    return Markup("<pre>{}</pre>").format(_clean(text))


def _dim(text: str) -> Markup:
    return Markup('<p class="dim">{}</p>').format(_clean(text))


def _join(*parts: str | Markup) -> Markup:
    return Markup("").join(parts)


def _clean(text: str | Markup) -> str | Markup:
    return text if isinstance(text, Markup) else plain(text)
