"""Judging the forms of a model: reads the answers of each beside those of the reference."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from llmops_sdk.steps.cell.results import answers_at
from llmops_sdk.steps.execution import StepExecution
from llmops_sdk.steps.forms.agreement import Comparer
from llmops_sdk.values.answers import Outcome
from llmops_sdk.values.artifacts import of_repeat
from llmops_sdk.values.forms import PlannedForms, Suspect
from llmops_sdk.values.generation_options import vary
from llmops_sdk.values.plan import Cell, ScoreStep
from llmops_sdk.values.resources import BOS, CHAT_TEMPLATE, CONTEXT_LENGTH, EOS, NUMBER_FORMAT
from llmops_sdk.values.results import CellResult, Leaderboard
from llmops_sdk.values.scores import Metric
from llmops_sdk.verdict.forms.conclusion import ComparedForm, FormFamily, conclude_forms
from llmops_sdk.verdict.table import CellColumn

if TYPE_CHECKING:
    from numpy.typing import NDArray

_REPORTED = ("weights", CHAT_TEMPLATE, BOS, EOS, CONTEXT_LENGTH, NUMBER_FORMAT)
"""The details of endpoints that are compared."""


def judge_forms(
    execution: StepExecution,
    steps: Mapping[str, ScoreStep],
    board: Leaderboard,
    columns: Sequence[CellColumn],
    metric: Metric,
    clusters: NDArray[Any] | None,
) -> Leaderboard:
    """Return a leaderboard with what is shown of the forms of each model, which its verdict then starts with.

    Args:
        execution: The `compare` step.
        steps: The `score` step of each cell.
        board: The leaderboard.
        columns: The candidates with a result.
        metric: The metric that decides.
        clusters: Labels of the records that depend on each other, shape (records,); None if none do.
    """
    plan = execution.run.plan
    families = [
        _family(execution, steps, forms, prompt, board, columns)
        for forms in plan.forms
        for prompt in plan.model_by_name[forms.models[0]].prompts
    ]
    return conclude_forms(board, families, columns, metric, clusters) if families else board


def _family(
    execution: StepExecution,
    steps: Mapping[str, ScoreStep],
    forms: PlannedForms,
    prompt: str,
    board: Leaderboard,
    columns: Sequence[CellColumn],
) -> FormFamily:
    plan = execution.run.plan
    results = {column.result.candidate: column.result for column in columns}
    cells: dict[str, list[Cell]] = {name: [] for name in forms.models}
    for cell in plan.cells:
        if cell.model in cells and cell.prompt == prompt and cell.dataset == board.dataset:
            cells[cell.model].append(cell)
    reference, *others = cells.values()
    name = reference[0].candidate
    compared = [
        _compare(execution, steps, (reference, results[name]), (own, results[own[0].candidate]))
        for own in others
        if name in results and own[0].candidate in results
    ]
    return FormFamily(forms.model, name, tuple(own[0].candidate for own in others), tuple(compared), forms.margin)


def _compare(
    execution: StepExecution,
    steps: Mapping[str, ScoreStep],
    reference: tuple[Sequence[Cell], CellResult],
    other: tuple[Sequence[Cell], CellResult],
) -> ComparedForm:
    """Compare the answers of a form with those of the reference, of each seed that both have a result of."""
    plan, comparer = execution.run.plan, Comparer()
    by_seed = {cell.seed: cell for cell in reference[0]}
    have_result = [{part.cell for part in result.parts} for _, result in (reference, other)]
    for cell in other[0]:
        one = by_seed[cell.seed]
        if one.name in have_result[0] and cell.name in have_result[1]:
            for repeat in range(plan.model_by_name[cell.model].repeats):
                comparer.compare(
                    _answers(execution, steps[one.name], one, repeat),
                    _answers(execution, steps[cell.name], cell, repeat),
                )
    suspects = [*_reported(reference[1], other[1]), comparer.prompt_tokens, _stop_strings(execution, other[0][0])]
    return ComparedForm(other[1].candidate, comparer.agreement, tuple(suspects))


def _answers(execution: StepExecution, step: ScoreStep, cell: Cell, repeat: int) -> Iterator[Outcome]:
    artifact = execution.artifact_of(step.needs[0], of_repeat(cell.name, repeat))
    return answers_at(execution, artifact.address)


def _reported(reference: CellResult, other: CellResult) -> Iterator[Suspect]:
    one, two = (result.parts[0].endpoint for result in (reference, other))
    for name in _REPORTED:
        yield Suspect(name, one.get(name, ""), two.get(name, ""))


def _stop_strings(execution: StepExecution, cell: Cell) -> Suspect:
    """Return the stop strings that the run sends with every question: they are those of the prompt, and the same for all forms."""
    plan = execution.run.plan
    generation = vary(plan.generation, plan.model_by_name[cell.model].varies)
    stop = dict.fromkeys((*plan.prompt_by_name[cell.prompt].template.stop, *generation.stop))
    text = ", ".join(map(repr, stop)) or "none"
    return Suspect("stop strings", text, text)
