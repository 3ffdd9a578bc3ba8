"""What several runs have in common and what not: data, prompts, generation, evaluators, and how they decide."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

from llmops_sdk.record.run import Run
from llmops_sdk.report.data import ReportData
from llmops_sdk.report.several.data import Aspect, AspectKind
from llmops_sdk.values.results import EvaluatorInfo
from llmops_sdk.values.serial import digest, to_json
from llmops_sdk.values.step_records import Succeeded

_HASH_LENGTH = 10


def aspects(runs: Sequence[Run], reports: Sequence[ReportData]) -> tuple[Aspect, ...]:
    """Return what the runs have in common and what not, except for their records, which are counted dataset by dataset.

    Args:
        runs: The runs.
        reports: The report of each.
    """
    parts: list[Aspect] = []
    prompts = [{prompt.name: prompt.key for prompt in run.plan.prompts} for run in runs]
    parts += _compared(
        "prompts", [{name: f"text {_short(key)}" for name, key in own.items()} for own in prompts], prompts
    )
    generation = [{name: _text(value) for name, value in to_json(run.plan.generation).items()} for run in runs]
    parts += _compared("generation", generation, generation)
    varies = [dict(report.varies) for report in reports]
    parts += _compared("generation", [{f"exceptions of {name}": text for name, text in own.items()} for own in varies])
    graders = [evaluator_keys(run, report) for run, report in zip(runs, reports, strict=True)]
    described = [_described(report, own) for report, own in zip(reports, graders, strict=True)]
    parts += _compared("evaluators", described, graders)
    parts += _compared("verdict", [_decided_by(run) for run in runs])
    names = ("llmops-sdk", "executor", "machine")
    parts += _compared("run", [{name: report.metadata.get(name, "") for name in names} for report in reports])
    return tuple(parts)


def evaluator_keys(run: Run, report: ReportData) -> dict[str, str]:
    """Return the hash of all that decides what each evaluator gives for an answer: card, options, code and provenance.

    Args:
        run: The run.
        report: Its report.
    """
    keys = {component.name: component.key for component in run.plan.evaluators}
    inputs: dict[str, str] = {}
    for step in run.plan.steps:
        record = run.record(step.name) if step.name.startswith("score.") else None
        if isinstance(record, Succeeded):
            inputs |= record.inputs
    return {
        info.name: digest(keys.get(info.name, ""), _code(inputs, info.name), to_json(info))
        for info in report.results.evaluators
    }


def _code(inputs: Mapping[str, str], evaluator: str) -> list[str]:
    return [inputs.get(f"the {part} of evaluator {evaluator!r}", "") for part in ("code", "files")]


def _described(report: ReportData, keys: Mapping[str, str]) -> dict[str, str]:
    return {info.name: _provenance(info, keys[info.name]) for info in report.results.evaluators}


def _provenance(info: EvaluatorInfo, key: str) -> str:
    details = "; ".join(f"{name} {text}" for name, text in info.provenance.items())
    return f"{details} · {_short(key)}" if details else _short(key)


def _decided_by(run: Run) -> dict[str, str]:
    plan = run.plan
    looks = ", ".join(f"{100 * share:.0f} %" for share in plan.looks)
    return {
        "deciding metric": plan.metric,
        "baseline": f"{plan.baseline}, margin {plan.margin}" if plan.baseline else "none",
        "planned looks": looks or "none",
    }


def _compared(
    kind: AspectKind, texts: Sequence[Mapping[str, str]], keys: Sequence[Mapping[str, str]] | None = None
) -> Iterator[Aspect]:
    """Yield an aspect for each name that a run has.

    Args:
        kind: What they are parts of.
        texts: For each run, name to what the page shows.
        keys: For each run, name to what is compared; by default the texts.
    """
    compared = texts if keys is None else keys
    for name in dict.fromkeys(name for own in texts for name in own):
        values = tuple(own.get(name, "") for own in texts)
        yield Aspect(kind, name, values, len({own.get(name) for own in compared}) == 1)


def _short(key: str) -> str:
    return key[:_HASH_LENGTH]


def _text(value: object) -> str:
    if value in ([], {}, None):
        return "none"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
