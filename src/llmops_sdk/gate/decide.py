"""The answer of a gate on a finished run, and the baseline that the next one is compared with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import attrs

from llmops_sdk.errors import DataError, SpecError
from llmops_sdk.gate.baseline import make_baseline, write_baseline
from llmops_sdk.gate.candidate import Chosen, choose_candidate
from llmops_sdk.gate.conditions.condition import Case, Condition
from llmops_sdk.gate.conditions.graded import is_graded
from llmops_sdk.gate.conditions.margin import NotWorseThan
from llmops_sdk.gate.conditions.registry import check_subjects
from llmops_sdk.gate.conditions.retention import Retained, tuned_cells
from llmops_sdk.gate.evidence import DatasetEvidence, RunEvidence, read_evidence
from llmops_sdk.gate.identity import identify
from llmops_sdk.gate.outcome import Check, Decision, Outcome, worst_of
from llmops_sdk.gate.references import References
from llmops_sdk.gate.specification import Gate, check_datasets
from llmops_sdk.gate.words import listed
from llmops_sdk.record.run import Run

_MOST_NAMED = 4


def decide(run: Run, gate: Gate, *, candidate: str = "", baseline: Path | None = None) -> Decision:
    """Answer whether a candidate of a run may be shipped.

    Args:
        run: A finished run.
        gate: The conditions.
        candidate: The candidate; by default the gate's, the only one, or the best by the verdict.
        baseline: A baseline file in place of the one that conditions name.

    Raises:
        UserError: It cannot be answered: the run is not finished, the candidate has no result, or a baseline does not fit
            the run. The message names what differs.
    """
    evidence = read_evidence(run)
    chosen = _choose(evidence, gate, candidate)
    references = References(evidence, chosen.candidate, gate.folder, _override(gate, evidence, baseline), gate.varies)
    pairs = _pairs(evidence, gate, chosen)
    cases = [(condition, Case(evidence, dataset, chosen, len(pairs), references.find)) for condition, dataset in pairs]
    checks = tuple(condition.check(case) for condition, case in cases)
    outcome = worst_of(checks)
    needed = [each.needed_records for each in checks if each.needed_records is not None]
    return Decision(
        run_id=run.id,
        name=run.plan.name,
        candidate=chosen.candidate,
        chosen=chosen.reason,
        outcome=outcome,
        text=_sentence(outcome, checks),
        checks=checks,
        notes=(*references.notes, *_uncorrected(evidence, pairs)),
        needed_records=max(needed) if needed else None,
    )


@attrs.frozen
class Written:
    """A baseline file that was written.

    Attributes:
        candidate: The candidate whose scores it has.
        chosen: Why that one.
        metrics: The metrics.
        records: The number of records.
        missing: The number of scores that are missing.
    """

    candidate: str
    chosen: str
    metrics: tuple[str, ...]
    records: int
    missing: int


def update_baselines(run: Run, gate: Gate, *, candidate: str = "", baseline: Path | None = None) -> dict[Path, Written]:
    """Write the baseline files that the conditions of a gate name, from a candidate of a run.

    Args:
        run: A finished run.
        gate: The conditions.
        candidate: The candidate; by default the gate's, the only one, or the best by the verdict.
        baseline: A file in place of the one that conditions name.

    Returns:
        Each file, and what is in it.

    Raises:
        UserError: No condition names a file, the run is not finished, or the candidate has no result.
    """
    evidence = read_evidence(run)
    chosen = _choose(evidence, gate, candidate)
    references = References(evidence, chosen.candidate, gate.folder, _override(gate, evidence, baseline))
    by_file: dict[Path, dict[str, list[DatasetEvidence]]] = {}
    for condition, dataset in _pairs(evidence, gate, chosen):
        if isinstance(condition, NotWorseThan) and condition.not_worse_than not in evidence.candidates:
            by_metric = by_file.setdefault(references.path(condition.not_worse_than), {})
            by_metric.setdefault(condition.subject, []).append(dataset)
    if not by_file:
        message = f"{gate.where} has no condition with a baseline file; add one, such as rougeL: {{not_worse_than: baseline.json, margin: 0.02}}"
        raise SpecError(message)
    written = {}
    for path, by_metric in by_file.items():
        metrics = {name: evidence.metrics[name] for name in by_metric}
        names = {dataset.dataset for datasets in by_metric.values() for dataset in datasets}
        datasets = [dataset for dataset in evidence.datasets if dataset.dataset in names]
        _check_scores(chosen.candidate, datasets, metrics)
        identity = identify(evidence, chosen.candidate, metrics)
        scores = make_baseline(chosen.candidate, identity, datasets, metrics)
        write_baseline(scores, path)
        written[path] = Written(chosen.candidate, chosen.reason, scores.metrics, scores.records, scores.missing)
    return written


def _choose(evidence: RunEvidence, gate: Gate, candidate: str) -> Chosen:
    check_subjects(gate.conditions, evidence.metrics, gate.where)
    check_datasets(gate, [dataset.name for dataset in evidence.run.plan.datasets])
    return choose_candidate(evidence, evidence.run.results(), candidate or gate.candidate)


def _uncorrected(evidence: RunEvidence, pairs: Iterable[tuple[Condition, DatasetEvidence]]) -> Iterator[str]:
    """Yield a note for each condition that people's grades could not correct: a baseline file has none."""
    for condition, dataset in pairs:
        if not isinstance(condition, NotWorseThan) or condition.not_worse_than in evidence.candidates:
            continue
        if is_graded(evidence, dataset, condition.subject):
            yield (
                f"{condition.subject} {condition.text} on {dataset.dataset!r} rests on the scores alone: people graded this run, "
                "and not the baseline."
            )


def _override(gate: Gate, evidence: RunEvidence, baseline: Path | None) -> Path | None:
    """Return the baseline file in place of the one that conditions name, where that is clear."""
    files = [name for name in gate.references if name not in evidence.candidates]
    if baseline is None:
        return None
    if len(files) > 1:
        message = f"--baseline stands for one file, and {gate.where} names {listed(files)}"
        raise SpecError(message)
    if not files:
        message = f"--baseline {str(baseline)!r} is not used: {gate.where} has no condition not_worse_than with a file"
        raise SpecError(message)
    return baseline


def _pairs(evidence: RunEvidence, gate: Gate, chosen: Chosen) -> list[tuple[Condition, DatasetEvidence]]:
    """Return each condition with each dataset that it is checked on.

    Raises:
        DataError: The candidate has no result on one of them.
    """
    by_name = {dataset.dataset: dataset for dataset in evidence.datasets}
    pairs = []
    for condition in gate.conditions:
        for name in _datasets(evidence, condition, chosen):
            if name not in by_name or chosen.candidate not in by_name[name].columns:
                reason = evidence.failures.get((name, chosen.candidate), "it was not run")
                message = f"candidate {chosen.candidate!r} has no result on {name!r}: {reason}"
                raise DataError(message)
            pairs.append((condition, by_name[name]))
    return pairs


def _datasets(evidence: RunEvidence, condition: Condition, chosen: Chosen) -> list[str]:
    """Return the datasets that a condition is checked on: of what is the same on all of them, the first."""
    if condition.dataset:
        return [condition.dataset]
    names = [each.name for each in evidence.run.plan.datasets]
    if not isinstance(condition, Retained):
        return names
    weights = {tuned_cells(evidence.run.plan, chosen.candidate, name): name for name in reversed(names)}
    return [name for name in names if name in weights.values()]


def _check_scores(candidate: str, datasets: Sequence[DatasetEvidence], metrics: Iterable[str]) -> None:
    for dataset in datasets:
        for metric in metrics:
            if metric not in dataset.columns[candidate].scores:
                message = f"candidate {candidate!r} has no scores of {metric!r} on {dataset.dataset!r}"
                raise DataError(message)


def _sentence(outcome: Outcome, checks: Sequence[Check]) -> str:
    count = len(checks)
    if outcome is Outcome.GO:
        return "the condition is shown to hold" if count == 1 else f"all {count} conditions are shown to hold"
    several = len({each.dataset for each in checks}) > 1
    named = [
        f"{each.subject} {each.condition}{f' on {each.dataset}' if several else ''}"
        for each in checks
        if each.outcome is outcome
    ]
    if len(named) > _MOST_NAMED:
        named = [*named[:_MOST_NAMED], f"{len(named) - _MOST_NAMED} more"]
    states = "shown to be broken" if outcome is Outcome.NO_GO else "not decided by these records"
    matching = sum(each.outcome is outcome for each in checks)
    return f"{matching} of {count} conditions {'is' if matching == 1 else 'are'} {states}: {listed(named)}"
