"""Probes: an evaluator's further questions about the test records, asked in `generate` and read in `score`.

A cell's probes are an artifact addressed by the cell's generations and by the questions themselves. Two evaluators with
the same questions share the answers, and an option that changes only how answers are scored asks nothing again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import attrs

from llmops_sdk.data.rendering import prompt_only
from llmops_sdk.errors import PluginError, SpecError
from llmops_sdk.plugin.cards import EvaluatorCard
from llmops_sdk.plugin.context import Context
from llmops_sdk.plugin.interfaces import Evaluator
from llmops_sdk.record.artifacts import Artifact
from llmops_sdk.record.lines import read_outcomes
from llmops_sdk.record.run import Run
from llmops_sdk.steps.cell.evaluators import evaluators_of
from llmops_sdk.steps.client.client import Question
from llmops_sdk.steps.execution import StepExecution
from llmops_sdk.values.answers import Outcome
from llmops_sdk.values.data import Record, Split
from llmops_sdk.values.plan import Cell
from llmops_sdk.values.probes import Probe, ProbeSample
from llmops_sdk.values.prompts import ChatPrompt, Prompt, PromptTemplate, TextPrompt
from llmops_sdk.values.serial import canonical, digest, to_json


@attrs.frozen
class Prober:
    """One evaluator's probes of one cell.

    Attributes:
        name: How the pipeline calls the evaluator.
        evaluator: The evaluator.
        context: What its `probes` gets.
        test: The test records.
        template: The cell's prompt template.
    """

    name: str
    evaluator: Evaluator
    context: Context
    test: Split
    template: PromptTemplate

    def questions(self) -> Iterator[Question]:
        """Yield the probes of all records as numbered questions."""
        numbers = count()
        for record in self.test:
            for probe in self.of(record):
                yield Question(next(numbers), self._prompt(probe), probe.log_probability)

    def of(self, record: Record) -> list[Probe]:
        """Return the probes of a record.

        Raises:
            PluginError: Two of them have one name, or one is ill-formed.
        """
        probes = list(self.evaluator.probes(self.context, record))
        names = [probe.name for probe in probes]
        if len(set(names)) < len(names):
            message = f"evaluator {self.name!r} gave two probes of one record the same name: {', '.join(names)}"
            raise PluginError(message)
        return probes

    def probe_set(self) -> ProbeSet:
        """Count the questions and hash them."""
        total, hashed = 0, hashlib.sha256()
        for question in self.questions():
            total += 1
            asked = {name: value for name, value in to_json(question).items() if name != "record"}
            hashed.update(canonical(asked) + b"\n")
        return ProbeSet(total, hashed.hexdigest())

    def outcomes(self, answers: Path) -> Iterator[list[tuple[Probe, Outcome]]]:
        """Yield, for each test record, its probes with what became of them.

        Args:
            answers: The outcomes in the order of the questions, one a line.
        """
        with answers.open("rb") as lines:
            outcomes = read_outcomes(lines, str(answers))
            for record in self.test:
                yield [(probe, next(outcomes)) for probe in self.of(record)]

    def samples(self, outcomes: list[tuple[Probe, Outcome]]) -> tuple[ProbeSample, ...]:
        """Return the probes of one record as its sample shows them."""
        return tuple(ProbeSample(probe.name, self._prompt(probe), outcome) for probe, outcome in outcomes)

    def _prompt(self, probe: Probe) -> Prompt:
        if probe.record is not None:
            prompt = prompt_only(self.template, probe.record)
            if not probe.continuation or isinstance(prompt, ChatPrompt):
                return prompt
            return TextPrompt(prompt.text + probe.continuation)
        if not probe.text:
            message = f"evaluator {self.name!r} gave a probe {probe.name!r} with neither a record nor a text"
            raise PluginError(message)
        return TextPrompt(probe.text)


@attrs.frozen
class ProbeSet:
    """What the probes of a cell ask.

    Attributes:
        total: The number of questions.
        sha256: Of the questions.
    """

    total: int
    sha256: str

    def address(self, generations: str) -> str:
        """Return the address of the artifact with the answers.

        Args:
            generations: The address of the cell's generations.
        """
        return f"probes/{digest(generations, self.sha256)}"


def probers(execution: StepExecution, cell: Cell, test: Split, template: PromptTemplate) -> dict[str, Prober]:
    """Return the probers of the evaluators of a cell that have probes, by the evaluators' names."""
    registry = execution.runtime.registry
    by_name = {}
    for component in evaluators_of(execution.run.plan, cell):
        card = registry.offer("evaluator", component.use).card
        if isinstance(card, EvaluatorCard) and card.probes:
            evaluator: Evaluator = registry.make("evaluator", component.use, component.options)
            context = execution.context("evaluator", component.use, execution.runtime.home)
            by_name[component.name] = Prober(component.name, evaluator, context, test, template)
    return by_name


def find_probes(run: Run, prober: Prober, probes: ProbeSet, generations: str, cell: Cell) -> Artifact:
    """Return the artifact with a cell's answered probes.

    Args:
        run: The run.
        prober: The evaluator's probes of the cell.
        probes: What they ask.
        generations: The address of the cell's generations.
        cell: The cell.

    Raises:
        SpecError: They were never asked; names the evaluator.
    """
    artifact = run.artifact(probes.address(generations))
    if artifact is None:
        message = (
            f"evaluator {prober.name!r} asks the model questions of its own, and none are recorded for "
            f"{cell.label}: add the evaluator to the specification and run it again; the "
            "recorded answers are reused, and only these questions are asked"
        )
        raise SpecError(message)
    return artifact
