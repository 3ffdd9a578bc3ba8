"""What a cell is asked: its test records, then the probes of each evaluator that has some."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack

import attrs

from llmops_sdk.data.rendering import prompt_only
from llmops_sdk.data.retrieval.prompts import without_retrieved
from llmops_sdk.steps.cell.looks import look_of_records, read_stopped
from llmops_sdk.steps.cell.probes import probers
from llmops_sdk.steps.client.client import Question
from llmops_sdk.steps.execution import StepExecution
from llmops_sdk.values.artifacts import GenerationsValue
from llmops_sdk.values.generation_options import vary
from llmops_sdk.values.plan import Cell, GenerateStep, PlannedModel
from llmops_sdk.values.prompts import PromptTemplate
from llmops_sdk.values.serial import digest


@attrs.frozen
class QuestionSet:
    """Questions to one cell: its test records, or an evaluator's probes of them. Each time they are asked is a set.

    Attributes:
        cell: The cell.
        title: How the progress calls it.
        address: Of the artifact with the answers.
        total: The number of questions.
        questions: Yields them.
        template: The cell's prompt template; its stop strings end every answer.
        probes: Whether they are probes, which may all fail without failing the cell.
        inputs: What decides the questions, by what messages call it, with its hash.
        repeat: Which time the cell is asked, from 0.
        due: A byte for each question, 1 where it is asked by the planned look of the step; None where all are.
    """

    cell: Cell
    title: str
    address: str
    total: int
    questions: Callable[[], Iterator[Question]]
    template: PromptTemplate
    probes: bool = False
    inputs: Mapping[str, str] = attrs.field(factory=dict)
    repeat: int = 0
    due: bytes | None = None

    def is_due(self, index: int) -> bool:
        """Return whether a question is asked by the planned look of the step."""
        return self.due is None or bool(self.due[index])

    @property
    def not_asked(self) -> int:
        """The number of questions that are not asked by then."""
        return self.due.count(0) if self.due else 0

    def pending(self, execution: StepExecution, *, reread: bool = False) -> int | None:
        """Return the number of its questions that failed for now, or None where not all that are due were asked.

        Args:
            execution: The step.
            reread: Whether to look into the store again, where another process may have asked it.
        """
        artifact = execution.run.artifact(self.address, reread=reread)
        if artifact is None or execution.deletes_earlier:
            return None
        value: GenerationsValue = artifact.read(GenerationsValue)
        return value.pending if value.not_asked <= self.not_asked else None


def question_sets(
    execution: StepExecution, model: PlannedModel, cell: Cell, model_key: str, stack: ExitStack
) -> Iterator[QuestionSet]:
    """Yield what a cell is asked.

    Args:
        execution: The step.
        model: The cell's model recipe.
        cell: The cell.
        model_key: Of the weights and the engine: the same weights, computed alike, have the same key.
        stack: Holds the files of the test split as long as questions are read.
    """
    plan = execution.run.plan
    splits = stack.enter_context(execution.splits(cell.dataset, cell.prompt))
    prompt = plan.prompt_by_name[cell.prompt]
    test, template = splits.test, prompt.template
    deployer = execution.key_of("deployer", model.deployer)
    generation = vary(plan.generation, model.varies)
    times = plan.times_asked(cell)
    due = _due_records(execution, cell)

    def questions() -> Iterator[Question]:
        for index, record in enumerate(test):
            yield Question(index, prompt_only(template, record), record=without_retrieved(record))

    inputs = {
        f"the test records of dataset {cell.dataset!r}": test.key,
        f"the prompt {cell.prompt!r}": prompt.key,
        **({"the number of repeats": str(times)} if times > 1 else {}),
        **({f"the records that {cell.label} is asked": hashlib.sha256(due).hexdigest()} if due else {}),
    }
    probing = [(prober, prober.probe_set()) for prober in probers(execution, cell, test, template).values()]
    for repeat in range(times):
        key = digest(model_key, deployer, prompt.key, test.key, generation.repeat(repeat).key)
        generations = f"generations/{key}"
        title = cell.name if times == 1 else f"{cell.name}, {repeat + 1} of {times}"
        yield QuestionSet(
            cell, title, generations, test.records, questions, template, inputs=inputs, repeat=repeat, due=due
        )
        for prober, probes in probing:
            if probes.total:
                asked = {f"the questions of evaluator {prober.name!r} on {cell.dataset!r}": probes.sha256}
                yield QuestionSet(
                    cell,
                    f"{title}, probes of {prober.name}",
                    probes.address(generations),
                    probes.total,
                    prober.questions,
                    template,
                    probes=True,
                    inputs=asked,
                    repeat=repeat,
                    due=due and bytes(due[index] for index, record in enumerate(test) for _ in prober.of(record)),
                )


def _due_records(execution: StepExecution, cell: Cell) -> bytes | None:
    """Return a byte for each test record, 1 where the cell is asked it by now; None in a plan without looks."""
    plan = execution.run.plan
    step = plan.step_by_name[execution.step]
    if not isinstance(step, GenerateStep) or not step.look:
        return None
    last = read_stopped(execution.run, step.look).get(cell.name, step.look)
    with execution.splits(cell.dataset) as splits:  # the order is the same for all prompts
        return bytes(look <= last for look in look_of_records(splits, plan.looks))
