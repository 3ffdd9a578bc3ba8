"""The `compare` step: put the cells of each dataset side by side, and conclude; and the `look` steps before it.

At a planned look the candidates are compared on the records that were asked so far, and those that are worse stop.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import attrs

from llmops_sdk.record.run import Run
from llmops_sdk.steps.cell.clusters import Clusters, read_clusters
from llmops_sdk.steps.cell.grades import read_grades
from llmops_sdk.steps.cell.looks import planned_looks, read_stopped
from llmops_sdk.steps.cell.results import conclusive, failed_cell, read_cell
from llmops_sdk.steps.execution import StepExecution, StepOutput
from llmops_sdk.steps.forms.judge import judge_forms
from llmops_sdk.steps.load.recorded import read_loads
from llmops_sdk.steps.retention.judge import judge_retention
from llmops_sdk.values.artifacts import LookValue, ResultsValue
from llmops_sdk.values.data import DatasetSplits
from llmops_sdk.values.plan import Cell, CompareStep, LookStep, Plan, ScoreStep
from llmops_sdk.values.results import EvaluatorInfo, FailedCell, Leaderboard
from llmops_sdk.values.scores import Metric
from llmops_sdk.values.serial import digest, to_json
from llmops_sdk.values.step_records import Succeeded
from llmops_sdk.verdict.baseline import Baseline
from llmops_sdk.verdict.costs import with_costs
from llmops_sdk.verdict.grading.board import grade_board
from llmops_sdk.verdict.grading.family import family_sentences
from llmops_sdk.verdict.leaderboard import make_leaderboard
from llmops_sdk.verdict.looks import find_worse
from llmops_sdk.verdict.noise_floor import AskedTwice, compare_with_itself
from llmops_sdk.verdict.overall import DatasetScores, make_overall
from llmops_sdk.verdict.recipe import join_checkpoints
from llmops_sdk.verdict.statistics.stopping import Looks, stop
from llmops_sdk.verdict.table import CellColumn

METHOD = "sign flips, elimination, seeds"
"""How scores are compared; conclusions that another method made are not reused."""

_JUDGE_ALONE = "It rests on the judge alone: people's grades correct the verdicts on single datasets."

JUDGES = ("judge_model", "judge_model_reported")
"""The provenance of an evaluator that asks a model: the names of that model."""

GRADED_METHOD = "prediction-powered, one weight, Holm"
"""How people's grades correct a judge."""

FORMS_METHOD = "two one-sided tests, answers by word"
"""How the forms of a model are compared."""

LOOK_METHOD = "sign flips, elimination, O'Brien-Fleming"
"""How candidates are compared; decisions that another method made are not reused."""


def compare(execution: StepExecution, _step: CompareStep) -> StepOutput:
    """Write `results.json` from the record; cells without a result are in it with the step that failed."""
    run = execution.run
    steps = _last_scores(run)
    datasets = [dataset.name for dataset in run.plan.datasets]
    records = {cell: conclusive(run.record(step.name)) for cell, step in steps.items()}
    looks = [run.plan.looks, {cell: step.look for cell, step in steps.items()}] if run.plan.looks else []
    weights = [to_json(run.plan.weights)] if run.plan.weights else []
    caveats = _caveats(run)
    retention = [to_json(run.plan.retention)] if run.plan.retention else []
    forms = [FORMS_METHOD, to_json(run.plan.forms)] if run.plan.forms else []
    grades = read_grades(run)
    graded = [GRADED_METHOD, to_json(grades)] if grades else []
    loads = [to_json(each) for each in read_loads(run)]
    extras = [*looks, *weights, *caveats, *retention, *forms, *graded, *loads]
    asked = [run.plan.baseline, run.plan.margin, *run.plan.noise_floor, *extras]
    asked.append(to_json(run.plan.costs))
    address = f"results/{digest(METHOD, datasets, run.plan.metric, asked, to_json(run.plan.cells), records)}"
    built = execution.build_artifact(address, partial(_conclude, execution))
    run.write_results(built.artifact)
    return StepOutput({"results": address}, built.cached)


def _caveats(run: Run) -> list[str]:
    """Return what the datasets state beside a verdict; none of them does as a rule."""
    records = [run.record(f"prepare.{dataset.name}") for dataset in run.plan.datasets]
    addresses = [record.artifacts.get("data") for record in records if isinstance(record, Succeeded)]
    artifacts = [run.artifact(address) for address in addresses if address]
    splits: list[DatasetSplits] = [artifact.read(DatasetSplits) for artifact in artifacts if artifact]
    return [each.caveat for each in splits if each.caveat]


def look(execution: StepExecution, step: LookStep) -> StepOutput:
    """Decide which candidates are asked no more: those that are worse, and one that has no other left."""
    run, plan = execution.run, execution.run.plan
    records = {cell: conclusive(run.record(score.name)) for cell, score in _score_steps(execution, step).items()}
    decided_by = (
        LOOK_METHOD,
        plan.metric,
        plan.looks,
        step.look,
        to_json(plan.cells),
        read_stopped(run, step.look),
        records,
    )
    address = f"looks/{digest(*decided_by)}"
    built = execution.build_artifact(address, partial(_decide, execution, step))
    value: LookValue = built.artifact.read(LookValue)
    for line in _lines(execution, step, value):
        execution.runtime.progress.log(line)
    return StepOutput({"look": address}, built.cached)


def _last_scores(run: Run) -> dict[str, ScoreStep]:
    """Return the `score` step of each cell: of one that stopped at a planned look, the step at that look."""
    looks = len(run.plan.looks)
    stopped = read_stopped(run, looks)
    scores = [step for step in run.plan.steps if isinstance(step, ScoreStep)]
    return {step.cell: step for step in scores if step.look == stopped.get(step.cell, looks)}


def _conclude(execution: StepExecution, _folder: Path) -> ResultsValue:
    plan = execution.run.plan
    evaluators: dict[str, EvaluatorInfo] = {}
    steps = _last_scores(execution.run)
    baseline = Baseline(plan.baseline, plan.margin) if plan.baseline and plan.margin else None
    boards = []
    weighted: list[DatasetScores] = []
    for dataset in plan.datasets:
        failed: list[FailedCell] = []
        checkpoints: dict[str, list[CellColumn]] = {}
        asked_twice = None
        looks = _looks(execution, dataset.name)
        for cell in (cell for cell in plan.cells if cell.dataset == dataset.name):
            step = steps[cell.name]
            record = execution.run.record(step.name)
            if isinstance(record, Succeeded):
                cell_scores = read_cell(execution, cell, step, record, looks.records(step.look) if looks else None)
                checkpoints.setdefault(cell.candidate, []).append(cell_scores.column)
                if cell.name in plan.noise_floor:
                    asked_twice = AskedTwice(cell_scores.column, cell_scores.again)
                for name, info in cell_scores.evaluators.items():
                    evaluators.setdefault(name, info)
            else:
                failed.append(failed_cell(execution, cell, step.name, record))
        columns = [join_checkpoints(columns) for columns in checkpoints.values()]
        metrics = {metric.name: metric for info in evaluators.values() for metric in info.metrics}
        clusters = _clusters(execution, dataset.name) if columns else Clusters()
        board = make_leaderboard(
            dataset.name, plan.metric, columns, tuple(failed), metrics, clusters.labels, baseline, looks=looks
        )
        board = _with_people(execution, board, columns, evaluators.values(), clusters)
        board = judge_forms(
            execution, steps, board, columns, metrics.get(plan.metric, Metric(plan.metric)), clusters.labels
        )
        board = _with_costs(plan, board, metrics)
        if clusters.caveat:
            board = attrs.evolve(board, verdict=board.verdict.with_caveat(clusters.caveat))
        if asked_twice:
            noise_floor = compare_with_itself(asked_twice, metrics[plan.metric], clusters.labels)
            board = attrs.evolve(board, noise_floor=noise_floor)
        boards.append(board)
        weighted.append(DatasetScores(board, columns, clusters.labels, clusters.caveat))
    metrics = {metric.name: metric for info in evaluators.values() for metric in info.metrics}
    metric = metrics.get(plan.metric, Metric(plan.metric))
    overall = make_overall(weighted, plan.weights, metric, baseline) if plan.weights else None
    if overall and any(board.grading and board.grading.metric == plan.metric for board in boards):
        overall = attrs.evolve(overall, verdict=overall.verdict.with_caveat(_JUDGE_ALONE))
    retained = judge_retention(execution, steps, boards, evaluators) if plan.retention else None
    if retained:
        boards = list(retained.boards)
    return ResultsValue(
        tuple(boards),
        tuple(evaluators.values()),
        overall,
        retained.board if retained else None,
        read_loads(execution.run),
    )


def _with_costs(plan: Plan, board: Leaderboard, metrics: Mapping[str, Metric]) -> Leaderboard:
    """Return a leaderboard with what costs say of its candidates."""
    if not board.cells:
        return board
    is_lower = metrics[plan.metric].higher_is_better is False if plan.metric in metrics else False
    return with_costs(board, _bases(plan), plan.costs.traffic, lower_is_better=is_lower)


def _bases(plan: Plan) -> dict[str, str]:
    """Return each fine-tuned candidate with the candidate that is its base as it is, asked with the same prompt."""
    models = plan.model_by_name
    untrained = {
        (digest(to_json(models[cell.model].base)), cell.prompt): cell.candidate
        for cell in plan.cells
        if models[cell.model].trainer is None
    }
    trained = [cell for cell in plan.cells if models[cell.model].trainer is not None]
    keys = {cell.candidate: (digest(to_json(models[cell.model].base)), cell.prompt) for cell in trained}
    return {name: untrained[key] for name, key in keys.items() if key in untrained}


def _with_people(
    execution: StepExecution,
    board: Leaderboard,
    columns: Sequence[CellColumn],
    evaluators: Collection[EvaluatorInfo],
    clusters: Clusters,
) -> Leaderboard:
    """Return a leaderboard with what people's grades show, and with a hint at judges of a candidate's own family."""
    for sentence in _families(execution, evaluators, columns):
        board = attrs.evolve(board, verdict=board.verdict.with_caveat(sentence))
    grades = read_grades(execution.run)
    metrics = {metric.name: metric for info in evaluators for metric in info.metrics}
    if grades is None or grades.metric not in metrics:
        return board
    return grade_board(board, columns, metrics[grades.metric], grades, clusters.labels)


def _families(
    execution: StepExecution, evaluators: Iterable[EvaluatorInfo], columns: Iterable[CellColumn]
) -> Iterator[str]:
    """Yield a sentence where the judge whose metric decides is of a candidate's own family."""
    plan = execution.run.plan
    deciding = [info for info in evaluators if plan.metric in [metric.name for metric in info.metrics]]
    judges = [info.provenance[name] for info in deciding for name in JUDGES if name in info.provenance]
    names = {
        column.result.candidate: [*column.result.models, plan.model_by_name[column.result.model].base.source]
        for column in columns
    }
    yield from family_sentences(judges, names)


def _clusters(execution: StepExecution, dataset: str) -> Clusters:
    with execution.splits(dataset) as splits:
        return read_clusters(splits)


def _looks(execution: StepExecution, dataset: str) -> Looks | None:
    """Return the planned looks at a dataset; None without looks, or where the dataset could not be prepared."""
    looks = execution.run.plan.looks
    if not looks or not isinstance(execution.run.record(f"prepare.{dataset}"), Succeeded):
        return None
    with execution.splits(dataset) as splits:
        return planned_looks(splits, looks)


def _decide(execution: StepExecution, step: LookStep, _folder: Path) -> LookValue:
    plan = execution.run.plan
    stopped = dict(read_stopped(execution.run, step.look))
    for dataset in plan.datasets:
        cells = [cell for cell in plan.cells if cell.dataset == dataset.name and cell.name not in stopped]
        worse = _find_worse(execution, step, cells)
        ended = stop([cell.candidate for cell in cells], worse)
        stopped |= {cell.name: step.look for cell in cells if cell.candidate in ended}
    return LookValue(stopped)


def _find_worse(execution: StepExecution, step: LookStep, cells: list[Cell]) -> tuple[str, ...]:
    """Return the candidates that are worse, of the cells of one dataset; a cell that failed is not one of them."""
    steps = _score_steps(execution, step)
    records = [(cell, execution.run.record(steps[cell.name].name)) for cell in cells]
    scored = [(cell, record) for cell, record in records if isinstance(record, Succeeded)]
    if len(scored) < 2:  # noqa: PLR2004 - a comparison takes two
        return ()
    with execution.splits(cells[0].dataset) as splits:
        looks, clusters = planned_looks(splits, execution.run.plan.looks), read_clusters(splits).labels
    asked = looks.records(step.look)
    read = [read_cell(execution, cell, steps[cell.name], record, asked) for cell, record in scored]
    metrics = {metric.name: metric for each in read for info in each.evaluators.values() for metric in info.metrics}
    columns = [each.column for each in read]
    return find_worse(columns, metrics[execution.run.plan.metric], looks, step.look, clusters)


def _score_steps(execution: StepExecution, step: LookStep) -> dict[str, ScoreStep]:
    """Return the `score` steps of this look, by their cells."""
    steps = execution.run.plan.steps
    return {score.cell: score for score in steps if isinstance(score, ScoreStep) and score.look == step.look}


def _lines(execution: StepExecution, step: LookStep, value: LookValue) -> Iterator[str]:
    """Yield a line for each dataset on which a candidate stopped at this look."""
    plan = execution.run.plan
    for dataset in plan.datasets:
        cells = [cell for cell in plan.cells if cell.dataset == dataset.name]
        stopped = [cell.candidate for cell in cells if value.stopped.get(cell.name) == step.look]
        if not stopped:
            continue
        if all(cell.name in value.stopped for cell in cells):
            yield f"  look {step.look} of {len(plan.looks)}: decided on {dataset.name!r}; no more records are asked"
        else:
            yield f"  look {step.look} of {len(plan.looks)}: worse on {dataset.name!r} and asked no more: {', '.join(stopped)}"
