"""Probes: an evaluator's further questions about the test records, asked in `generate` and read in `score`.

A cell's probes are an artifact addressed by the cell's generations and by the questions themselves. Two evaluators with
the same questions share the answers, and an option that changes only how answers are scored asks nothing again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import attrs

from llmops_sdk.data.rendering import prompt_only
from llmops_sdk.errors import PluginError, SpecError
from llmops_sdk.plugin.cards import EvaluatorCard
from llmops_sdk.plugin.context import Context
from llmops_sdk.plugin.interfaces import Evaluator
from llmops_sdk.record.artifacts import Artifact
from llmops_sdk.record.run import Run
from llmops_sdk.steps.client.client import Question
from llmops_sdk.steps.job import Job
from llmops_sdk.values.data import Record, Split
from llmops_sdk.values.generations import Probe, ProbeReply
from llmops_sdk.values.prompts import ChatPrompt, Prompt, PromptTemplate, TextPrompt
from llmops_sdk.values.serial import canonical, digest, to_json


@attrs.frozen
class Prober:
    """One evaluator's probes of one cell.

    Attributes:
        name: How the pipeline calls the evaluator.
        evaluator: The evaluator.
        context: What its `probes` is handed.
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
        total, found = 0, hashlib.sha256()
        for question in self.questions():
            total += 1
            found.update(canonical(to_json(question)) + b"\n")
        return ProbeSet(total, found.hexdigest())

    def replies(self, answers: Path) -> Iterator[list[tuple[Probe, ProbeReply]]]:
        """Yield, for each test record, its probes with what they got.

        Args:
            answers: The outcomes in the order of the questions, one a line.
        """
        with answers.open("rb") as lines:
            for record in self.test:
                yield [(probe, _reply(json.loads(next(lines)))) for probe in self.of(record)]

    def sample(self, replies: list[tuple[Probe, ProbeReply]]) -> list[dict[str, Any]]:
        """Return how a sample tells of its probes."""
        return [
            {"name": probe.name, "prompt": to_json(text_of(self._prompt(probe))), **_filled(reply)}
            for probe, reply in replies
        ]

    def _prompt(self, probe: Probe) -> Prompt:
        if probe.record is not None:
            return prompt_only(self.template, probe.record)
        if not probe.text:
            message = f"evaluator {self.name!r} gave a probe {probe.name!r} with neither a record nor a text"
            raise PluginError(message)
        return TextPrompt(probe.text, "")


@attrs.frozen
class ProbeSet:
    """What the probes of a cell ask.

    Attributes:
        total: How many questions.
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


def probers(job: Job, test: Split, template: PromptTemplate) -> dict[str, Prober]:
    """Return the probers of the plan's evaluators that have probes, by the evaluators' names."""
    found = {}
    for component in job.run.plan.evaluators:
        card = job.runtime.registry.offer("evaluator", component.use).card
        if isinstance(card, EvaluatorCard) and card.probes:
            evaluator: Evaluator = job.runtime.registry.make("evaluator", component.use, component.options)
            context = job.context(job.runtime.home)
            found[component.name] = Prober(component.name, evaluator, context, test, template)
    return found


def find_probes(run: Run, prober: Prober, probes: ProbeSet, generations: str, cell: str) -> Artifact:
    """Return the artifact with a cell's answered probes.

    Raises:
        SpecError: They were never asked; names the evaluator.
    """
    found = run.artifact(probes.address(generations))
    if found is None:
        message = (
            f"evaluator {prober.name!r} asks the model questions of its own, and none are recorded for cell {cell!r}: name the "
            "evaluator in the specification and run it again; what was generated is kept, and only these are asked"
        )
        raise SpecError(message)
    return found


def text_of(prompt: Prompt) -> Any:
    """Return what a prompt asks: a text, or the messages of a chat."""
    return prompt.messages if isinstance(prompt, ChatPrompt) else prompt.text


def _reply(outcome: dict[str, Any]) -> ProbeReply:
    return ProbeReply(outcome.get("output"), outcome.get("log_probability"), outcome.get("error", ""))


def _filled(reply: ProbeReply) -> dict[str, Any]:
    found = {"output": reply.output, "log_probability": reply.log_probability, "error": reply.error or None}
    return {name: value for name, value in found.items() if value is not None}
