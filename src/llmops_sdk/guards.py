"""What must hold before a run costs anything: looked at by every run, by `llmops plan` and by `llmops doctor --for`.

The options class of an executor, trainer or deployer may have a method `checks(base, settings)` that yields checks:
`base` is the model's base weights (None for an executor), `settings` are those of all plugins. Unlike the checks of
`llmops doctor`, these may ask a service, and change nothing there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from llmops_sdk.cards import Check, ExecutorCard, Finding
from llmops_sdk.errors import LLMOpsError, UserError
from llmops_sdk.plans import Component, Plan
from llmops_sdk.progress import Progress
from llmops_sdk.registry import Registry
from llmops_sdk.values import BaseModel, CardKind


def guards(plan: Plan, registry: Registry) -> tuple[Check, ...]:
    """Return the checks of a plan's executor, trainers and deployers, each name once.

    There are none where the executor plays the services that they use.
    """
    executor = registry.offer("executor", plan.executor.use).card
    if isinstance(executor, ExecutorCard) and executor.plays_services:
        return ()
    found = list(_of_part(plan, registry, "executor", plan.executor, None))
    for model in plan.models:
        if model.trainer is not None:
            found += _of_part(plan, registry, "trainer", model.trainer, model.base)
        found += _of_part(plan, registry, "deployer", model.deployer, model.base)
    by_name: dict[str, Check] = {}
    for check in found:
        by_name.setdefault(check.name, check)
    return tuple(by_name.values())


def look(check: Check) -> Finding:
    """Make a check; one that breaks off is a finding."""
    try:
        return check.look()
    except LLMOpsError as exc:
        return Finding("error", str(exc))
    except Exception as exc:  # noqa: BLE001 - a plugin's
        return Finding("error", f"the check itself failed: {type(exc).__name__}: {exc}")


def refuse(checks: Iterable[Check], progress: Progress) -> None:
    """Make all checks, tell the warnings, and refuse at an error.

    Raises:
        UserError: Every error, with what mends it.
    """
    problems: dict[str, list[str]] = {}
    for check in checks:
        finding = look(check)
        told = f"{finding.text}{f'; {finding.mend}' if finding.mend else ''}"
        if finding.status == "error":
            problems.setdefault(told, []).append(check.name)
        elif finding.status == "warning":
            progress.say(f"warning: {check.name}: {told}")
    if problems:
        all_of_them = " -- ".join(f"{', '.join(names)}: {told}" for told, names in problems.items())
        message = f"nothing was started: {all_of_them}"
        raise UserError(message)


def _of_part(
    plan: Plan, registry: Registry, kind: CardKind, part: Component, base: BaseModel | None
) -> Iterator[Check]:
    card = registry.offer(kind, part.use).card
    options = registry.options(card, part.options, f"{kind} {part.use!r}")
    if hasattr(options, "checks"):
        yield from options.checks(base, plan.settings)
