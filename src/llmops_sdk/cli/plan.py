"""The commands that show what would run, and run nothing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from llmops_sdk.cli.exits import MISTAKE, OK
from llmops_sdk.cli.help import Command
from llmops_sdk.cli.options import (
    json_option,
    offline_option,
    on_option,
    read_pipeline,
    set_option,
    specification_argument,
    store_option,
)
from llmops_sdk.cli.output.text import echo_json, json_output

if TYPE_CHECKING:
    from llmops_sdk.planning.costs.estimate import EarlierStep
    from llmops_sdk.plugin.registry import Registry
    from llmops_sdk.values.plan import Plan


@click.command(cls=Command)
@specification_argument
@on_option
@set_option
@store_option
@offline_option
@json_option
def plan(specification: str, on: str, overrides: tuple[str, ...], store: str, *, offline: bool, as_json: bool) -> int:
    """Validate a pipeline and show what would run and cost.

    Shows every default, any missing requirement, and what is reused of the runs in the store. Starts and creates nothing.
    """
    from llmops_sdk.cli.output.costs.expected import show_expected
    from llmops_sdk.cli.output.findings import show_findings
    from llmops_sdk.cli.output.plan import show_plan
    from llmops_sdk.cli.output.tables import open_console
    from llmops_sdk.planning.costs.budget import check_budget
    from llmops_sdk.planning.costs.estimate import expect_cost
    from llmops_sdk.planning.decision.evidence import expected_evidence
    from llmops_sdk.planning.inputs import first_record_checks, input_checks, record_checks, record_fields
    from llmops_sdk.planning.paths import path_checks
    from llmops_sdk.planning.preflight import machine_checks, preflight_checks, training_lengths
    from llmops_sdk.planning.secrets import secret_checks
    from llmops_sdk.plugin.registry import Registry
    from llmops_sdk.steps.runtime import default_home

    registry, pipeline = Registry.load(), read_pipeline(specification, overrides)
    planned = pipeline.on_executor(on, registry).build(registry, offline=offline)
    expected = expect_cost(planned, registry, _earlier(planned, store, registry))
    if as_json:
        echo_json(planned.json, indent=2)
    else:
        show_plan(
            planned,
            record_fields(planned, registry),
            training_lengths(planned, registry),
            expected_evidence(planned, registry),
        )
        show_expected(open_console(), planned, expected)
    if planned.costs.budget:
        check_budget(planned.costs.budget.usd, expected)
    home = default_home()
    checks = [
        *first_record_checks(planned, registry),
        *path_checks(planned, registry),
        *secret_checks(planned, registry, offline=offline),
        *machine_checks(planned, registry, home, offline=offline),
        *preflight_checks(planned, registry, offline=offline),
        *(input_checks(planned, registry, home) if offline else ()),
    ]
    # With --json, standard output is the plan, and the findings are on standard error.
    failed = show_findings(checks, quiet=True)
    return MISTAKE if show_findings(record_checks(planned, registry)) or failed else OK


def _earlier(planned: Plan, store: str, registry: Registry) -> Mapping[str, EarlierStep]:
    """Return what runs of the store did in place of the steps of a plan; nothing of a store on another machine."""
    from llmops_sdk.planning.costs.reuse import earlier_steps
    from llmops_sdk.plugin.stores import open_store

    if "://" in store or not Path(store).is_dir():
        return {}
    return earlier_steps(planned, open_store(store, registry))


@click.command("compile", cls=Command)
@specification_argument
@on_option
@click.option("--full", is_flag=True, help="Print the full definition as submitted, secrets masked.")
@set_option
def compile_(specification: str, on: str, overrides: tuple[str, ...], *, full: bool) -> None:
    """Print the remote pipeline definition as JSON; create nothing."""
    from llmops_sdk.plugin.registry import Registry
    from llmops_sdk.progress import progress_for
    from llmops_sdk.steps.runtime import Runtime, default_home

    registry, pipeline = Registry.load(), read_pipeline(specification, overrides)
    planned = pipeline.on_executor(on, registry).build(registry, offline=not full)
    executor = registry.make("executor", planned.executor.use, planned.executor.options)
    with json_output(click.get_current_context()):
        with progress_for() as progress:
            compiled = executor.compile(planned, Runtime(registry, default_home(), progress=progress), full=full)
        echo_json(compiled, indent=2)
