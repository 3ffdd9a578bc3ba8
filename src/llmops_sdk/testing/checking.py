"""`check` and `examine`: whether a plugin keeps the rules."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import attrs

from llmops_sdk.errors import did_you_mean
from llmops_sdk.plugin.cards import Card
from llmops_sdk.testing.rules.child import ChildResult, run_child
from llmops_sdk.testing.rules.inputs import CheckInputs
from llmops_sdk.testing.rules.report import RULES, BrokenRulesError, CardReport, CheckReport, Problem
from llmops_sdk.testing.rules.subject import Subject, find_subject, names
from llmops_sdk.testing.rules.trial import Job, Outcome, difference
from llmops_sdk.testing.rules.trials import run_trial, temporary_place
from llmops_sdk.values.models import BaseModel

_DANGEROUS = {"offline", "own-folder"}
"""What breaks one of these in the watched process is not tried in this one, where nothing is refused."""

_OF_RECORDS = {"numbers", "bounds"}


def check(plugin: Any, inputs: CheckInputs | Mapping[str, CheckInputs] | None = None) -> CheckReport:
    """Check that a plugin keeps the rules that every plugin is held to; `RULES` has them.

    Each card is tried twice in a process of its own, which refuses connections beyond this machine and files outside the
    context's folders, and once in this process, where a debugger can follow.

    Args:
        plugin: The name of an installed plugin, a module or object with hooks, a card, or a function that is marked
            with `@metric`, `@dataset`, `@prompt` or `@target` (or its reference: `./metrics.py:brevity`).
        inputs: What its card is tried with; of a plugin with several cards, by the card: `{"evaluator brevity": ...}`.

    Returns:
        What was checked, and what was not, with the reason.

    Raises:
        BrokenRulesError: It breaks a rule; the message has one line for each, with how to fix it.
    """
    report = examine(plugin, inputs)
    if report.problems:
        raise BrokenRulesError(report)
    return report


def examine(plugin: Any, inputs: CheckInputs | Mapping[str, CheckInputs] | None = None) -> CheckReport:
    """Return what `check` finds out, whether rules are broken or not.

    Args:
        plugin: As of `check`.
        inputs: As of `check`.
    """
    subject = find_subject(plugin)
    if subject.problem:
        problem = Problem(subject.name, "card", subject.problem)
        return CheckReport(subject.name, (CardReport(subject.name, (problem,)),))
    jobs = _jobs(subject, inputs)
    with temporary_place() as place:
        child = run_child(jobs, subject.modules, subject.hooks, place)
        reports = [_report(job, child.outcomes[index : index + 1], child, place) for index, job in enumerate(jobs)]
    whole = _of_the_whole(subject, child)
    return CheckReport(subject.name, (*((whole,) if whole.problems else ()), *reports))


def _jobs(subject: Subject, inputs: CheckInputs | Mapping[str, CheckInputs] | None) -> list[Job]:
    known = names(subject.cards)
    label = ""
    if subject.function:
        label = subject.name.replace("'", "")
        known = [label]
    if isinstance(inputs, CheckInputs):
        if len(known) > 1:
            message = f"{subject.name} has {len(known)} cards; give inputs by card: {{{known[0]!r}: CheckInputs(...)}}"
            raise ValueError(message)
        inputs = dict.fromkeys(known, inputs)
    by_name = dict(inputs or {})
    for name, one in by_name.items():
        if name not in known:
            message = f"{subject.name} has no card {name!r}{did_you_mean(name, known)}"
            raise ValueError(message)
        for rule in one.skip:
            if rule not in RULES:
                message = f"no rule is called {rule!r}{did_you_mean(rule, RULES)}"
                raise ValueError(message)
    return [
        Job(
            card=card,
            cards=subject.cards,
            inputs=_complete(subject, card, by_name.get(name, CheckInputs())),
            label=label,
            run=_finished_run() if card.kind == "reporter" else ("", ""),
        )
        for name, card in zip(known, subject.cards, strict=True)
    ]


def _complete(subject: Subject, card: Card, inputs: CheckInputs) -> CheckInputs:
    """Return inputs with the options of the card, where those of a function were given."""
    if not subject.function:
        return _absolute(card, inputs)
    from llmops_sdk.planning.functions import function_options
    from llmops_sdk.plugin.functions.options import FORMAT
    from llmops_sdk.plugin.registry import Registry

    kind = "model" if card.kind == "deployer" else card.kind
    options = function_options(kind, subject.function, inputs.options, Path.cwd(), Registry.load())
    model = inputs.model or (BaseModel(FORMAT, subject.function) if card.kind == "deployer" else None)
    return attrs.evolve(inputs, options=options, model=model)


def _absolute(card: Card, inputs: CheckInputs) -> CheckInputs:
    """Return inputs whose paths mean the same in another working directory."""
    paths = {field.name for field in attrs.fields(card.options) if field.metadata.get("path")}
    options = {
        name: str(Path(value).absolute())
        if name in paths and isinstance(value, str) and Path(value).exists()
        else value
        for name, value in inputs.options.items()
    }
    file = inputs.file.absolute() if inputs.file else None
    return attrs.evolve(inputs, options=options, file=file, writes=tuple(path.absolute() for path in inputs.writes))


def _report(job: Job, pair: Iterable[tuple[Outcome, Outcome]], child: ChildResult, place: Path) -> CardReport:
    """Put together what the trials of a card found out: two of the watched process, and one of this process."""
    noted: dict[tuple[str, str], None] = {}
    tried: dict[str, None] = {}
    left_out = dict(job.inputs.skip)

    def take(outcome: Outcome) -> None:
        rules = {rule for rule, _ in noted}
        noted.update(dict.fromkeys(entry for entry in outcome.problems if entry[0] not in rules))
        tried.update(dict.fromkeys(outcome.kept))
        for rule, reason in outcome.left_out.items():
            left_out.setdefault(rule, reason)

    first = None
    for first, second in pair:
        take(first)
        take(second)
        _compare(first, second, "seed", "of two calls", noted, tried)
    if child.failure:
        noted["child-process", child.failure] = None
    if not _DANGEROUS.intersection(rule for rule, _ in noted if rule not in job.inputs.skip):
        own = run_trial(job, place)
        take(own)
        if first is not None and not any(rule == "seed" for rule, _ in noted):
            _compare(own, first, "child-process", "of this process and of another one", noted, tried)
    problems = tuple(Problem(job.name, rule, reason) for rule, reason in _first(noted) if rule not in left_out)
    broken = {problem.rule for problem in problems}
    kept = tuple(rule for rule in RULES if rule in tried and rule not in broken and rule not in left_out)
    return CardReport(job.name, problems, kept, left_out)


def _first(noted: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Yield what was noted; of rules that every record can break, the first record and the number of the others."""
    entries = list(noted)
    seen: set[str] = set()
    for rule, reason in entries:
        if rule not in _OF_RECORDS:
            yield rule, reason
        elif rule not in seen:
            seen.add(rule)
            others = sum(rule == other for other, _ in entries) - 1
            yield rule, f"{reason} (and {others} more)" if others else reason


def _compare(
    one: Outcome, other: Outcome, rule: str, which: str, noted: dict[tuple[str, str], None], tried: dict[str, None]
) -> None:
    if one.result is None or other.result is None:
        return
    tried[rule] = None
    differing = difference(one.result, other.result)
    if differing:
        noted[rule, f"the results {which} differ: {differing}"] = None


def _of_the_whole(subject: Subject, child: ChildResult) -> CardReport:
    """Return what concerns no card: what the hooks import, and what was printed outside a trial."""
    problems = []
    name = f"plugin {subject.name}"
    if child.heavy:
        problems.append(Problem(name, "light-import", f"importing its hooks imports {', '.join(child.heavy)}"))
    if child.printed:
        first, *_ = child.printed.splitlines()
        problems.append(Problem(name, "standard-output", f"it, or a program that it started, printed {first[:100]!r}"))
    return CardReport(name, tuple(problems))


@cache
def _finished_run() -> tuple[str, str]:
    """Return the store and the ID of a finished run, in which one of three candidates failed; made once in a process."""
    from llmops_sdk.progress import Progress
    from llmops_sdk.testing.small_run import FAILING, SMALL, kit_registry, run_small

    store = _run_folder() / "store"
    result = run_small({"models": [*SMALL["models"], FAILING]}, kit_registry(), store, Progress())
    return str(store), result.run.id


@cache
def _run_folder() -> Path:
    _FOLDERS.append(tempfile.TemporaryDirectory(prefix="llmops-check-run-"))
    return Path(_FOLDERS[-1].name)


_FOLDERS: list[tempfile.TemporaryDirectory[str]] = []
"""Kept until this process ends, which deletes them."""
