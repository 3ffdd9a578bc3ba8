"""What a run is in MLflow: a run for the pipeline, nested in it one for each candidate, and one for each checkpoint of a recipe.

Everything here is made from the record alone: the same record gives the same entries, so a report can be repeated.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import attrs

from llmops_plugins.reporters.mlflow.options import OWN_TAGS
from llmops_plugins.reporters.mlflow.samples import Amounts
from llmops_sdk.plugin import (
    CellResult,
    Component,
    DatasetSplits,
    FailedCell,
    GenerateStep,
    Leaderboard,
    PlannedModel,
    Results,
    Run,
    ScoreStep,
    Step,
    Succeeded,
    TrainedModel,
    all_boards,
    canonical,
    read_candidates,
    to_json,
)

PIPELINE = "pipeline"
"""The part of a run that all others are nested in."""

RUN_TAG = f"{OWN_TAGS}run"
PART_TAG = f"{OWN_TAGS}part"
"""The tags by which a repeated report finds what it wrote before."""

_NOTE = "mlflow.note.content"
_LONGEST_TAG = 5000
_LONGEST_PARAM = 500
_DIGEST = 16
_MORE = " ..."
_NOT_IN_NAMES = re.compile(r"[^\w.\- :/]")


@attrs.frozen(kw_only=True)
class Point:
    """One value of a metric.

    Attributes:
        name: The metric.
        value: A finite number.
        at: When, in milliseconds since the epoch.
        step: The training step; 0 for all that is no curve.
    """

    name: str
    value: float
    at: int
    step: int = 0


@attrs.frozen(kw_only=True)
class Data:
    """Test records that a candidate was asked.

    Attributes:
        name: The dataset.
        digest: The start of the SHA-256 of the records.
        source: Where they came from, as JSON.
        records: Their number.
    """

    name: str
    digest: str
    source: str
    records: int


@attrs.frozen(kw_only=True)
class Entry:
    """One run of MLflow as it should be.

    Attributes:
        part: What it is of our run: `pipeline`, `DATASET/CANDIDATE`, or `DATASET/CANDIDATE/seed N`.
        parent: The part that it is nested in, or empty.
        name: What people see.
        started: In milliseconds since the epoch.
        ended: The same.
        has_failed: Whether it has no result.
        tags: Name to text.
        params: Name to text; they follow from the plan, because MLflow refuses to change one.
        points: Values of metrics.
        data: The datasets that it rests on.
        cell: The cell whose samples belong to it, or empty.
    """

    part: str
    parent: str = ""
    name: str
    started: int
    ended: int
    has_failed: bool = False
    tags: Mapping[str, str]
    params: Mapping[str, str]
    points: tuple[Point, ...] = ()
    data: tuple[Data, ...] = ()
    cell: str = ""


def make_entries(run: Run, amounts: Mapping[str, Amounts], tags: Mapping[str, str]) -> Iterator[Entry]:
    """Yield the entries of a run, each after the one it is nested in.

    Args:
        run: A run with results.
        amounts: Cell name to what its answers add up to.
        tags: Further tags of all of them.
    """
    for entry in _entries(run, amounts):
        yield attrs.evolve(entry, tags={**tags, **entry.tags})


def _entries(run: Run, amounts: Mapping[str, Amounts]) -> Iterator[Entry]:
    results = run.results()
    verdicts = {(row.dataset, row.candidate): row.verdict for row in read_candidates(run) if row.decides}
    yield _pipeline(run, results)
    for board in all_boards(results):
        for cell in board.cells:
            verdict = verdicts.get((board.dataset, cell.candidate), "")
            yield from _candidate(run, board, cell, verdict, amounts)
        for failed in board.failed:
            yield _failed(run, board, failed)


def _pipeline(run: Run, results: Results) -> Entry:
    plan = run.plan
    started, ended = _times(run, plan.steps)
    boards = results.leaderboards
    verdicts = [f"**{board.dataset}**: {board.verdict.text}" for board in all_boards(results)]
    if results.overall:
        verdicts.append(f"**all datasets**: {results.overall.verdict.text}")
    best = {board.dataset: board.verdict.best for board in boards if board.verdict.best}
    numbers: dict[str, float | None] = {
        "candidates": sum(len(board.cells) for board in boards),
        "candidates_failed": sum(len(board.failed) for board in boards),
        "seconds": (ended - started) / 1000,
    }
    return Entry(
        part=PIPELINE,
        name=run.id,
        started=started,
        ended=ended,
        has_failed=not any(board.cells for board in boards),
        tags=_tags(
            run,
            PIPELINE,
            {
                "llmops.pipeline": plan.name,
                "llmops.best": ", ".join(f"{name} on {dataset}" for dataset, name in best.items()),
                "llmops.version": run.metadata.version,
                "llmops.plan": plan.hash,
                _NOTE: "\n\n".join(verdicts),
            },
        ),
        params=_texts(
            {
                "datasets": [dataset.name for dataset in plan.datasets],
                "models": [model.name for model in plan.models],
                "prompts": [prompt.name for prompt in plan.prompts],
                "evaluators": [evaluator.name for evaluator in plan.evaluators],
                "decided_by": plan.metric,
                "baseline": plan.baseline,
                "margin": plan.margin,
                "weights": plan.weights,
                "executor": plan.executor.use,
                **_named("generation", to_json(plan.generation)),
            }
        ),
        points=_points(numbers, ended),
        data=tuple(each for dataset in plan.dataset_by_name for each in _data(run, dataset)),
    )


def _candidate(
    run: Run, board: Leaderboard, cell: CellResult, verdict: str, amounts: Mapping[str, Amounts]
) -> Iterator[Entry]:
    part = f"{board.dataset}/{cell.candidate}"
    yield _result(run, board, cell, part=part, parent=PIPELINE, verdict=verdict, amounts=amounts)
    for checkpoint in cell.checkpoints:
        of_seed = _part_of_seed(part, checkpoint.seed)
        yield _result(run, board, checkpoint, part=of_seed, parent=part, verdict="", amounts=amounts)


def _result(
    run: Run,
    board: Leaderboard,
    cell: CellResult,
    *,
    part: str,
    parent: str,
    verdict: str,
    amounts: Mapping[str, Amounts],
) -> Entry:
    started, ended = _times(run, _steps_of(run, {each.cell for each in cell.parts}))
    total = sum((amounts[each.cell] for each in cell.parts if each.cell in amounts), start=Amounts())
    return Entry(
        part=part,
        parent=parent,
        name=_name(run, board.dataset, cell.label),
        started=started,
        ended=ended,
        tags=_tags(
            run,
            part,
            {
                "llmops.verdict": verdict,
                "llmops.dataset": board.dataset,
                "llmops.cell": "" if cell.checkpoints else cell.cell,
                **_named("llmops.endpoint", cell.endpoint),
            },
        ),
        params=_params(run, board.dataset, cell.model, cell.prompt, cell.seed),
        points=(*_points(_numbers(cell, total), ended), *_curve(cell.training, started)),
        data=tuple(_data(run, board.dataset)),
        cell="" if cell.checkpoints else cell.cell,
    )


def _failed(run: Run, board: Leaderboard, failed: FailedCell) -> Entry:
    """Return the entry of a candidate without a result; of a recipe of which other checkpoints have one, of the checkpoint."""
    part, parent, seed = f"{board.dataset}/{failed.candidate}", PIPELINE, None
    if any(cell.candidate == failed.candidate for cell in board.cells):
        part, parent, seed = _part_of_seed(part, failed.seed), part, failed.seed
    planned = run.plan.cell_by_name[failed.cell]
    started, ended = _times(run, _steps_of(run, {failed.cell}))
    error = f"step {failed.step} failed: {failed.error}"
    return Entry(
        part=part,
        parent=parent,
        name=_name(run, board.dataset, failed.label),
        started=started,
        ended=ended,
        has_failed=True,
        tags=_tags(
            run,
            part,
            {"llmops.verdict": "failed", "llmops.dataset": board.dataset, "llmops.error": error, _NOTE: error},
        ),
        params=_params(run, board.dataset, planned.model, planned.prompt, seed),
    )


def _data(run: Run, dataset: str) -> Iterator[Data]:
    """Yield the test records of a dataset, if it was prepared."""
    record = run.record(f"prepare.{dataset}")
    artifact = run.artifact(record.artifacts["data"]) if isinstance(record, Succeeded) else None
    if artifact is not None:
        splits: DatasetSplits = artifact.read(DatasetSplits)
        source = {"use": run.plan.dataset_by_name[dataset].use, **splits.source}
        yield Data(
            name=dataset,
            digest=splits.test.sha256[:_DIGEST],
            source=canonical(source).decode(),
            records=splits.test.records,
        )


def _part_of_seed(part: str, seed: int | None) -> str:
    return f"{part}/seed {seed}"


def _name(run: Run, dataset: str, label: str) -> str:
    return f"{label} on {dataset}" if len(run.plan.dataset_by_name) > 1 else label


def _tags(run: Run, part: str, tags: Mapping[str, str]) -> dict[str, str]:
    own = {RUN_TAG: run.id, PART_TAG: part, "mlflow.source.name": "llmops-sdk", "mlflow.source.type": "LOCAL"}
    return {**own, **{name: _cut(text, _LONGEST_TAG) for name, text in tags.items() if text}}


def _params(run: Run, dataset: str, model_name: str, prompt: str, seed: int | None) -> dict[str, str]:
    model = run.plan.model_by_name[model_name]
    generation = {**to_json(run.plan.generation), "repeats": model.repeats}
    generation |= {name: "left out" if value is None else value for name, value in model.varies.items()}
    return _texts(
        {
            "dataset": dataset,
            "model": model.name,
            "model.use": model.use,
            "model.source": model.base.source,
            "model.version": model.base.version,
            "prompt": prompt,
            "fine_tuned": model.trainer is not None,
            **_training_options(model, seed),
            "deployer": model.deployer.use,
            **_named("generation", generation),
        }
    )


def _training_options(model: PlannedModel, seed: int | None) -> dict[str, Any]:
    trainer: Component | None = model.trainer_of(seed)
    if trainer is None:
        return {}
    options = {name: value for name, value in trainer.options.items() if not (name == "seed" and model.seeds)}
    seeds: dict[str, Any] = {"seed": seed} if seed is not None else {"seeds": model.seeds}
    return {"trainer": trainer.use, "train_on": model.train_on, **_named("trainer", options), **seeds}


def _numbers(cell: CellResult, amounts: Amounts) -> dict[str, float | None]:
    numbers: dict[str, float | None] = {}
    for metric, estimate in cell.estimates.items():
        numbers |= {metric: estimate.mean, f"{metric}_low": estimate.low, f"{metric}_high": estimate.high}
        numbers |= {f"{metric}_records": estimate.records, f"{metric}_failures": cell.failures.get(metric, 0)}
        numbers[f"{metric}_spread"] = cell.spread.get(metric)
    speed = cell.speed
    return {
        **numbers,
        "records": cell.records,
        "answered": cell.answered,
        "failed_answers": cell.questions - cell.answered - cell.pending - cell.missing,
        "pending": cell.pending,
        "missing": cell.missing,
        "empty_answers": cell.empty,
        "cut_answers": cell.cut,
        "latency_p50": speed.latency_p50 if speed else None,
        "latency_p95": speed.latency_p95 if speed else None,
        "time_to_first_token_p50": speed.time_to_first_token_p50 if speed else None,
        "output_tokens_per_second": speed.output_tokens_per_second if speed else None,
        "prompt_tokens": amounts.prompt_tokens,
        "output_tokens": amounts.output_tokens,
        "cost": amounts.cost,
        **{f"train/{name}": value for name, value in (cell.training.metrics if cell.training else {}).items()},
    }


def _curve(training: TrainedModel | None, started: int) -> Iterator[Point]:
    for point in training.curve if training else ():
        values = {"train/loss": point.loss, "train/held_out_loss": point.held_out_loss, "train/tokens": point.tokens}
        yield from _points(values, started + round(1000 * point.seconds), point.step)


def _points(numbers: Mapping[str, float | None], at: int, step: int = 0) -> tuple[Point, ...]:
    """Return the numbers that there are as values of metrics; characters that MLflow refuses in a name are replaced."""
    return tuple(
        Point(name=_NOT_IN_NAMES.sub("_", name), value=float(value), at=at, step=step)
        for name, value in numbers.items()
        if value is not None and math.isfinite(value)
    )


def _steps_of(run: Run, cells: set[str]) -> list[Step]:
    """Return the steps that made the results of cells; their training among them."""
    generate = [step for step in run.plan.steps if isinstance(step, GenerateStep) and cells & set(step.cells)]
    train = [run.plan.step_by_name[step.train] for step in generate if step.train]
    score = [step for step in run.plan.steps if isinstance(step, ScoreStep) and step.cell in cells]
    return [*train, *generate, *score]


def _times(run: Run, steps: Iterable[Step]) -> tuple[int, int]:
    """Return when the first of the steps started and the last one ended, in milliseconds; without one, when the run was made."""
    records = [record for step in steps if (record := run.record(step.name)) is not None]
    created = run.metadata.created_at.timestamp()
    started = min((record.at for record in records), default=created)
    ended = max((record.at + record.seconds for record in records), default=started)
    return round(1000 * started), round(1000 * ended)


def _named(prefix: str, values: Mapping[str, Any]) -> dict[str, Any]:
    return {f"{prefix}.{name}": value for name, value in values.items()}


def _texts(values: Mapping[str, Any]) -> dict[str, str]:
    """Return params as MLflow takes them: text, and none that says nothing."""
    said = {
        _NOT_IN_NAMES.sub("_", name): value for name, value in values.items() if value not in ("", None, [], (), {})
    }
    return {name: _cut(_text(value), _LONGEST_PARAM) for name, value in said.items()}


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, (list, tuple)) and all(isinstance(item, str | int | float) for item in value):
        return ", ".join(map(str, value))
    return canonical(to_json(value)).decode()


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - len(_MORE)]}{_MORE}"
