"""Which candidate of a run a gate judges: the named one, the only one, or the one that the verdict names as the best."""

from __future__ import annotations

import attrs

from llmops_sdk.errors import SpecError, did_you_mean
from llmops_sdk.gate.evidence import RunEvidence
from llmops_sdk.gate.words import listed
from llmops_sdk.values.results import Results


@attrs.frozen
class Chosen:
    """The candidate that is judged.

    Attributes:
        candidate: Its name.
        reason: Why that one, in words.
        rivals: The candidates that it was chosen among by the same scores that it is judged by, itself included: what is
            claimed of it must hold for all of them together.
    """

    candidate: str
    reason: str
    rivals: tuple[str, ...]


def choose_candidate(evidence: RunEvidence, results: Results, named: str) -> Chosen:
    """Return the candidate that a gate judges.

    Args:
        evidence: The run.
        results: Its verdicts.
        named: The name of a candidate, or of a model with one prompt; empty for none.

    Raises:
        SpecError: There is no such candidate, or the verdicts name different ones.
    """
    candidates = evidence.candidates
    if named:
        name = _find(evidence, named)
        return Chosen(name, "named", (name,))
    if len(candidates) == 1:
        return Chosen(candidates[0], "the only candidate", candidates)
    verdicts = [results.overall.verdict] if results.overall else [board.verdict for board in results.leaderboards]
    best = tuple(dict.fromkeys(verdict.best for verdict in verdicts if verdict.best))
    if len(best) != 1:
        why = f"its datasets have different best candidates, {listed(best)}" if best else "no candidate has a score"
        message = f"run {evidence.run.id!r} has {len(candidates)} candidates, and {why}: name one with --candidate"
        raise SpecError(message)
    reason = f"the best of {len(candidates)} by the verdict of the run; --candidate names another"
    return Chosen(best[0], reason, candidates)


def _find(evidence: RunEvidence, named: str) -> str:
    if named in evidence.candidates:
        return named
    cells = evidence.run.plan.cells
    of_model = tuple(dict.fromkeys(cell.candidate for cell in cells if cell.model == named))
    if len(of_model) == 1:
        return of_model[0]
    if of_model:
        message = f"the model {named!r} has several prompts: name one of its candidates: {', '.join(of_model)}"
    else:
        message = f"run {evidence.run.id!r} has no candidate {named!r}{did_you_mean(named, evidence.candidates)}"
    raise SpecError(message)
