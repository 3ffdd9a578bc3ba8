"""`equivalent`: a form of a model answers as the first one does, up to a margin.

It holds where both bounds of the mean difference lie within the margin (two one-sided tests), and is broken where one of them
lies beyond it. Of the first form itself it asks that all others are equivalent to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import attrs

from llmops_sdk.errors import SpecError
from llmops_sdk.gate.candidate import Chosen
from llmops_sdk.gate.conditions.condition import Case, Condition, Finding, positive
from llmops_sdk.gate.conditions.margin import Comparison, bounds_of, compare_scores
from llmops_sdk.gate.evidence import require_scores
from llmops_sdk.gate.outcome import Check, Numbers, worst_of
from llmops_sdk.gate.references import Reference
from llmops_sdk.gate.words import listed
from llmops_sdk.values.plan import Plan
from llmops_sdk.values.scores import Metric
from llmops_sdk.verdict.baseline import find_problem
from llmops_sdk.verdict.statistics.comparison import MANY_MISSING

NO_FORMS = "equivalent needs a model with serve_as in the specification: the forms that are compared"

_MISSING = "too many scores of one of them are missing"


@attrs.frozen
class Equivalent(Condition):
    """Equivalent to the first form of the same weights, in the metric that decides.

    Attributes:
        margin: The difference that does not matter, in the metric's unit.
    """

    SUBJECT: ClassVar[str] = "equivalent"
    KEY: ClassVar[str] = "margin"

    margin: float = attrs.field(validator=positive("the difference that does not matter, in the metric's unit"))

    @property
    def text(self) -> str:
        return f"to the other forms of the same weights within {self.margin:g}"

    def check_names(self, metrics: Mapping[str, Metric]) -> None:
        """Check nothing: its metric is the one that decides."""

    def check(self, case: Case) -> Check:
        plan, candidate = case.run.run.plan, case.chosen.candidate
        reference, *others = family_of(plan, candidate)
        judged = others if candidate == reference else [candidate]
        # By the same scores only what the gate names was not chosen.
        rivals = tuple(others) if candidate == reference or len(case.chosen.rivals) > 1 else (candidate,)
        checks = [self._check_form(case, name, reference, rivals) for name in judged]
        worst = next(check for check in checks if check.outcome is worst_of(checks))
        if candidate != reference:
            return worst
        return attrs.evolve(
            worst, text="; ".join(f"{name} is {check.text}" for name, check in zip(others, checks, strict=True))
        )

    def _check_form(self, case: Case, name: str, reference: str, rivals: tuple[str, ...]) -> Check:
        import numpy as np

        metric, evidence = case.run.metrics[case.run.run.plan.metric], case.evidence
        require_scores(evidence, metric.name, (name, reference), case.run.failures)
        places = np.arange(len(evidence.hashes))
        versus = Reference(reference, evidence.columns[reference].scores[metric.name], places, reference)
        own = attrs.evolve(case, chosen=Chosen(name, case.chosen.reason, rivals))
        comparison = compare_scores(own, metric, versus)
        if comparison is None:
            problem = "no scored record in common"
            finding, records = Finding(None, None, None, holds=False, broken=False, problem=problem), 0
        else:
            comparison = comparison.of_means()
            finding, records = self._find(case, comparison), comparison.records
        claim = f"equivalent to {reference} within {self.margin:g}"
        return finding.check(
            self,
            case,
            finding.in_words(claim, f"not {claim}", records, is_difference=True),
            kind=Numbers.DIFFERENCE,
            limit=self.margin,
            records=records,
        )

    def _find(self, case: Case, comparison: Comparison) -> Finding:
        import numpy as np

        table, values, margin = comparison.table, comparison.values, self.margin
        clusters = len(set(comparison.scores.clusters[comparison.shared].tolist()))
        problem = find_problem(table, comparison.records, clusters)
        one, two = np.isnan(values)
        scores = comparison.scores.means()
        if max(scores.share(one & ~two), scores.share(two & ~one)) > MANY_MISSING:
            problem = problem or _MISSING
        go = bounds_of(comparison, comparison.scores, margin, case.go_level)
        no_go = bounds_of(comparison, comparison.scores, margin, case.no_go_level).bounds
        broken = (no_go.high is not None and no_go.high < -margin) or (no_go.low is not None and no_go.low > margin)
        mean, low, high = go.mean, go.bounds.low, go.bounds.high
        if table.sign < 0:
            mean, low, high = -mean, None if high is None else -high, None if low is None else -low
        return Finding(mean, low, high, holds=go.equivalent, broken=broken, problem=problem)


def family_of(plan: Plan, candidate: str) -> tuple[str, ...]:
    """Return the candidates that are forms of the same weights with the same prompt, the reference first.

    Raises:
        SpecError: The candidate has no other form.
    """
    if not plan.forms:
        raise SpecError(NO_FORMS)
    candidates = {(cell.model, cell.prompt): cell.candidate for cell in plan.cells}
    for forms in plan.forms:
        for (model, prompt), name in candidates.items():
            if name == candidate and model in forms.models:
                return tuple(candidates[each, prompt] for each in forms.models)
    known = listed([candidates[model, plan.model_by_name[model].prompts[0]] for model in plan.forms[0].models])
    message = f"candidate {candidate!r} is served in one form, so it has no other to be equivalent to: name one of {known} with --candidate"
    raise SpecError(message)
