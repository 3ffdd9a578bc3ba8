"""`retention`: a tuned candidate is no worse than its base by more than a margin, on a dataset that it was not tuned for.

It is the test of `not_worse_than` with the base in place of a named candidate. A candidate that is not fine-tuned lost nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import attrs

from llmops_sdk.errors import SpecError
from llmops_sdk.gate.candidate import Chosen
from llmops_sdk.gate.conditions.condition import Case, Condition, positive
from llmops_sdk.gate.conditions.margin import NotWorseThan
from llmops_sdk.gate.evidence import read_retention, require_scores
from llmops_sdk.gate.outcome import Check, Numbers, Outcome
from llmops_sdk.gate.references import Reference
from llmops_sdk.values.plan import Cell, Plan
from llmops_sdk.values.scores import Metric

MISSING = "retention needs the key retention in the specification: what tuned candidates are asked besides"


@attrs.frozen
class Retained(Condition):
    """No worse than its base by more than a margin, on the dataset of `retention` and in its metric.

    Attributes:
        margin: The loss that does not matter, in the metric's unit.
    """

    SUBJECT: ClassVar[str] = "retention"
    KEY: ClassVar[str] = "margin"

    margin: float = attrs.field(validator=positive("the loss that does not matter, in the metric's unit"))

    @property
    def text(self) -> str:
        return f"no worse than its base by more than {self.margin:g}"

    def check_names(self, metrics: Mapping[str, Metric]) -> None:
        """Check nothing: its metric is that of the plan."""

    def check(self, case: Case) -> Check:
        import numpy as np

        plan, candidate = case.run.run.plan, case.chosen.candidate
        if plan.retention is None:
            raise SpecError(MISSING)
        tuned = tuned_cells(plan, candidate, case.evidence.dataset)
        if not tuned:
            return self._nothing_lost(case)
        base = plan.cell_by_name[plan.retention.bases[tuned[0].name]]
        evidence, failures = read_retention(case.run.run, {candidate: tuned, base.candidate: (base,)})
        metric = plan.retention.metric
        require_scores(evidence, metric, (candidate, base.candidate), failures)
        scores = evidence.columns[base.candidate].scores[metric]
        reference = Reference(base.candidate, scores, np.arange(len(evidence.hashes)), base.candidate)
        chosen = Chosen(candidate, case.chosen.reason, (candidate,))  # it was not chosen by these scores
        own = attrs.evolve(case, evidence=evidence, chosen=chosen, reference=lambda *_: reference)
        check = NotWorseThan(metric, base.candidate, self.margin).check(own)
        return attrs.evolve(check, subject=self.subject, condition=self.text)

    def _nothing_lost(self, case: Case) -> Check:
        return Check(
            subject=self.subject,
            condition=self.text,
            dataset=case.evidence.dataset,
            outcome=Outcome.GO,
            measured=None,
            low=None,
            high=None,
            limit=-self.margin,
            records=0,
            text=f"{case.chosen.candidate} is not fine-tuned, so it lost nothing",
            kind=Numbers.DIFFERENCE,
        )


def tuned_cells(plan: Plan, candidate: str, dataset: str) -> tuple[Cell, ...]:
    """Return the cells on the dataset of `retention` of the weights that a candidate has on another dataset, one for each seed."""
    retention = plan.retention
    cells = (
        [each for each in retention.cells if each.candidate == candidate and each.name in retention.bases]
        if retention
        else []
    )
    return tuple(each for each in cells if each.trained_on == (plan.model_by_name[each.model].train_on or dataset))
