"""The files of a cell, read side by side: test records, what became of them, and an evaluator's probes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import attrs

from llmops_sdk.data.rendering import prompt_only
from llmops_sdk.plugin.interfaces import Evaluator
from llmops_sdk.record.lines import read_outcomes
from llmops_sdk.steps.cell.probes import Prober
from llmops_sdk.values.answers import Answered, Outcome
from llmops_sdk.values.data import Record, Split
from llmops_sdk.values.generations import Generation
from llmops_sdk.values.plan import Cell, Component
from llmops_sdk.values.probes import Probe
from llmops_sdk.values.prompts import PromptTemplate


@attrs.frozen
class CellFiles:
    """The files of a cell.

    Attributes:
        cell: The cell.
        test: The test records.
        generations: What became of them, a line each, in the same order.
        template: The cell's prompt template.
    """

    cell: Cell
    test: Split
    generations: Path
    template: PromptTemplate

    def records(self) -> Iterator[tuple[Record, Outcome]]:
        """Yield the test records with what became of them, in the split's order."""
        with self.generations.open("rb") as lines:
            yield from zip(self.test, read_outcomes(lines, str(self.generations)), strict=True)


@attrs.frozen
class EvaluatorFiles:
    """An evaluator with what it reads of a cell.

    Attributes:
        component: The evaluator in the plan.
        evaluator: The evaluator.
        prober: Its probes, or None where it has none.
        answers: What became of the probes, a line each; None where it has none.
        answers_sha256: Of that file.
    """

    component: Component
    evaluator: Evaluator
    prober: Prober | None = None
    answers: Path | None = None
    answers_sha256: str = ""

    def probes(self, files: CellFiles) -> Iterator[list[tuple[Probe, Outcome]]]:
        """Yield the probes of each test record with what became of them."""
        if self.prober is None or self.answers is None:
            return iter([[]] * files.test.records)
        return self.prober.outcomes(self.answers)

    def generations(self, files: CellFiles, is_scored: Callable[[int], bool] = lambda _: True) -> Iterator[Generation]:
        """Yield what the evaluator scores: the answered records, in the split's order.

        Args:
            files: The cell's files.
            is_scored: Whether a record is to be scored, by its place in the test split.
        """
        for (record, outcome), probes in zip(files.records(), self.probes(files), strict=True):
            if isinstance(outcome, Answered) and is_scored(outcome.index):
                yield Generation(
                    index=outcome.index,
                    record=record,
                    prompt=prompt_only(files.template, record),
                    answer=outcome.answer,
                    probes={probe.name: probe_outcome for probe, probe_outcome in probes},
                )
