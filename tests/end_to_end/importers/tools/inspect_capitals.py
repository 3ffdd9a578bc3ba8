"""A task of Inspect: the capitals, scored by the exact match of the answer."""

from typing import Any

from inspect_ai import Task, task
from inspect_ai.dataset import FieldSpec, json_dataset
from inspect_ai.scorer import Score, accuracy, scorer, stderr
from inspect_ai.solver import generate


@scorer(metrics=[accuracy(), stderr()])
def exact_match() -> Any:
    """Score C or I."""

    async def score(state: Any, target: Any) -> Score:
        return Score(value="C" if state.output.completion == target.text else "I", answer=state.output.completion)

    return score


@task
def capitals() -> Task:
    """Ask for the capitals."""
    fields = FieldSpec(input="question", target="answer", id="id")
    return Task(dataset=json_dataset("questions.jsonl", fields), solver=[generate()], scorer=exact_match(), version=2)
