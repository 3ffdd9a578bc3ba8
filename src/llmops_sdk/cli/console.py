"""What the command line shows: tables and lines for people, drawn with rich."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import attrs
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from llmops_sdk.assets.asset import Asset, find_asset
from llmops_sdk.gc.leftover import Leftovers, format_age
from llmops_sdk.planning.preflight import run_check
from llmops_sdk.plugin.cards import Card, CardKind
from llmops_sdk.plugin.checks import Check
from llmops_sdk.plugin.registry import Offer, Registry
from llmops_sdk.record.runs import Run
from llmops_sdk.record.stores import Store
from llmops_sdk.values.plan import Component, Plan
from llmops_sdk.values.results import CellResult, Estimate, Leaderboard, Results
from llmops_sdk.values.scores import Metric
from llmops_sdk.values.serial import to_json
from llmops_sdk.values.step_records import Failed, Succeeded

_MOST_ROWS = 30
_NARROW = 80
"""Columns of a terminal in which two metrics fit."""


def show_run(run: Run) -> None:
    """Show what a run concluded, or how far it is."""
    console = _console()
    if not run.has_results:
        _show_progress(console, run)
        return
    results = run.results()
    metrics = {metric.name: metric for evaluator in results.evaluators for metric in evaluator.metrics}
    for board in results.leaderboards:
        _show_board(console, board, metrics)
    _show_substitutes(console, results)
    if any(board.cells for board in results.leaderboards):
        console.print(f"\nreport  {run.location}/report.html", soft_wrap=True, highlight=False, markup=False)


def _show_board(console: Console, board: Leaderboard, metrics: Mapping[str, Metric]) -> None:
    if not board.cells:
        for step, error in dict.fromkeys((cell.step, cell.error) for cell in board.failed):
            console.print(Text(f"error: {step}: {error}", style="red"), soft_wrap=True)
        return
    ordered = sorted(metrics.values(), key=lambda metric: metric.name != board.metric)
    shown = ordered[: max(2, (console.width - _NARROW) // 11 + 2)]
    table = _table(board.dataset, "", *(metric.label or metric.name for metric in shown), "answered", "p50", "tokens/s")
    for column in table.columns[2:]:
        column.justify = "right"
    table.columns[2].style = "bold"
    for cell in board.cells[:_MOST_ROWS]:
        table.add_row(*_board_row(cell, shown))
    console.print()
    console.print(table)
    if len(shown) < len(ordered):
        hidden = ", ".join(metric.label or metric.name for metric in ordered[len(shown) :])
        console.print(Text(f"the terminal is too narrow for {hidden}; the report has them", style="dim"))
    if len(board.cells) > _MOST_ROWS:
        console.print(f"… and {len(board.cells) - _MOST_ROWS} more; the report has all of them")
    for cell in board.cells[:_MOST_ROWS]:
        missing = ", ".join(f"{count} unscored by {name}" for name, count in cell.unscored.items() if count)
        if missing:
            console.print(Text(f"{cell.candidate}: {missing}", style="yellow"), soft_wrap=True)
    for failed in board.failed[:_MOST_ROWS]:
        line = f"{failed.candidate} has no result: step {failed.step} failed: {failed.error}"
        console.print(Text(line, style="red"), soft_wrap=True)
    console.print()
    console.print(Text(board.verdict.text, style="bold"))


def _board_row(cell: CellResult, metrics: Iterable[Metric]) -> list[str]:
    speed = cell.speed
    return [
        cell.candidate,
        "fine-tuned" if cell.fine_tuned else "base",
        *(_estimate(cell.estimates.get(metric.name), first=number == 0) for number, metric in enumerate(metrics)),
        f"{cell.answered}/{cell.records}",
        f"{speed.latency_p50:.2f} s" if speed else "",
        f"{speed.output_tokens_per_second:.0f}" if speed and speed.output_tokens_per_second else "",
    ]


def _estimate(estimate: Estimate | None, *, first: bool) -> str:
    if estimate is None:
        return "-"
    return f"{estimate.mean:.3f} [{estimate.low:.3f}, {estimate.high:.3f}]" if first else f"{estimate.mean:.3f}"


def _show_substitutes(console: Console, results: Results) -> None:
    for evaluator in results.evaluators:
        for name, fact in evaluator.provenance.items():
            if name.endswith("model"):
                console.print(
                    Text(f"{evaluator.name}: {name.replace('_', ' ')} is {fact}", style="dim"), soft_wrap=True
                )


def _show_progress(console: Console, run: Run) -> None:
    done = 0
    for step in run.plan.steps:
        record, started = run.record(step.name), run.started(step.name)
        done += record is not None
        if isinstance(record, Failed):
            console.print(Text(f"failed   {step.name}: {record.error}", style="red"), soft_wrap=True)
        elif isinstance(record, Succeeded):
            console.print(f"done     {step.name}", highlight=False)
        elif started:
            console.print(f"begun    {step.name}  on {started.host}, process {started.pid}", highlight=False)
    console.print(
        f"\n{done} of {len(run.plan.steps)} steps are done; go on with: llmops run --resume {run.id}", highlight=False
    )


def show_plan(plan: Plan) -> None:
    """Show what would run."""
    console = _console()
    console.print(
        f"pipeline {plan.name!r}: {_count(len(plan.cells), 'cell')}, {_count(len(plan.steps), 'step')}, on {plan.executor.use}\n",
        highlight=False,
    )
    grid = _grid()
    for dataset in plan.datasets:
        grid.add_row("dataset", dataset.name, _options(dataset))
    for prompt in plan.prompts:
        grid.add_row(
            "prompt", prompt.name, f"{prompt.use}: {json.dumps(to_json(prompt.template), ensure_ascii=False)[:160]}"
        )
    for model in plan.models:
        version = f" {model.base.version}" if model.base.version else ""
        grid.add_row("model", model.name, f"{model.base.source}{version}")
        if model.trainer:
            grid.add_row("", "trained by", _options(model.trainer))
        grid.add_row("", "served by", _options(model.deployer))
    generation = " ".join(f"{name}={value!r}" for name, value in to_json(plan.generation).items())
    grid.add_row("generation", "", generation)
    for evaluator in plan.evaluators:
        grid.add_row("evaluator", evaluator.name, _options(evaluator))
    grid.add_row("decides", plan.metric, "")
    console.print(grid)
    console.print()
    for step in plan.steps[:_MOST_ROWS]:
        console.print(f"  {step.name}", highlight=False)
    if len(plan.steps) > _MOST_ROWS:
        console.print(f"  … and {len(plan.steps) - _MOST_ROWS} more")


def _options(component: Component) -> str:
    options = " ".join(f"{name}={value!r}" for name, value in component.options.items())
    return options if component.use == component.name else f"{component.use}: {options}"


def show_runs(found: list[dict[str, Any]], store: Store) -> None:
    """List runs, newest last."""
    console = _console()
    if not found:
        console.print("no runs yet; make one with: llmops run quickstart", highlight=False)
        return
    table = _table("run", "created (UTC)", "steps", "state")
    for metadata in found:
        run = Run.open(store, str(metadata["run"]))
        records = [run.record(step.name) for step in run.plan.steps]
        done = sum(record is not None for record in records)
        failed = sum(isinstance(record, Failed) for record in records)
        state = "done" if run.has_results and not failed else f"{failed} failed" if failed else "not finished"
        table.add_row(run.id, str(metadata["created"])[:19], f"{done}/{len(records)}", state)
    console.print(table)


def show_plugins(registry: Registry, kind: CardKind | str | None) -> None:
    """List what plugins offer, with their options, then what is wrong with broken ones."""
    console = _console()
    for offer in registry.offers():
        if kind not in (None, offer.card.kind):
            continue
        card, plugin = offer.card, offer.plugin
        head = Text.assemble((f"{card.kind:<10}", "dim"), (card.name, "bold"), f"  {card.summary}")
        console.print(head, soft_wrap=True)
        missing = [module for module in card.requires if not _is_there(module)]
        where = f"{plugin.distribution} {plugin.version}, plugin {plugin.name}"
        if missing:
            where += f"; not installed: {', '.join(missing)} (pip install 'llmops-sdk[{card.extra}]')"
        console.print(Text(f"          {where}", style="dim"), soft_wrap=True)
        grid = _grid()
        for field in attrs.fields(card.options):
            grid.add_row(field.name, _default(field), field.metadata.get("help", ""))
        if grid.row_count:
            console.print(Padding(grid, (0, 0, 0, 10)))
    for plugin in registry.plugins:
        if plugin.problem:
            owner = f" of {plugin.distribution} {plugin.version}" if plugin.distribution else ""
            console.print(Text(f"broken    {plugin.name}{owner}: {plugin.problem}", style="red"), soft_wrap=True)


def plugins_json(registry: Registry, kind: CardKind | str | None) -> list[dict[str, Any]]:
    """Return what `show_plugins` shows, as JSON."""
    cards = [_card_json(offer) for offer in registry.offers() if kind in (None, offer.card.kind)]
    return cards + [{**attrs.asdict(plugin), "kind": "broken"} for plugin in registry.plugins if plugin.problem]


def _card_json(offer: Offer) -> dict[str, Any]:
    card: Card = offer.card
    return {
        "kind": card.kind,
        "name": card.name,
        "summary": card.summary,
        "plugin": offer.plugin.name,
        "distribution": offer.plugin.distribution,
        "version": offer.plugin.version,
        "options": [
            {"name": field.name, "default": _default(field), "help": field.metadata.get("help", "")}
            for field in attrs.fields(card.options)
        ],
    }


def show_assets(assets: Iterable[Asset], home: Path) -> None:
    """List assets, and which are here."""
    table = _table("asset", "size", "here", "what it is")
    for asset in assets:
        found = find_asset(asset, home)
        table.add_row(asset.name, f"{asset.size / 1e6:.0f} MB", "yes" if found else "no", asset.summary)
    console = _console()
    console.print(table)
    console.print(
        f"\nkept in {home / 'assets'}; fetch with: llmops assets get NAME, or --all", soft_wrap=True, highlight=False
    )


def show_findings(checks: Iterable[Check], *, quiet: bool = False) -> bool:
    """Make and show checks (`quiet`: but for those that are well); return whether one found an error."""
    console, failed = _console(), False
    styles = {"ok": "green", "warning": "yellow", "error": "red"}
    for check in checks:
        finding = run_check(check)
        failed = failed or finding.status == "error"
        if quiet and finding.status == "ok":
            continue
        hint = f"; {finding.hint}" if finding.hint else ""
        line = Text.assemble(
            (f"{finding.status:<8}", styles.get(finding.status, "")), f" {check.name}: {finding.text}{hint}"
        )
        console.print(line, soft_wrap=True)
    return failed


def show_leftovers(leftovers: Leftovers) -> None:
    """List what runs have left, what became of it and why; then the places that could not be looked at."""
    console = _console()
    styles = {"remove": "yellow", "removed": "green", "left": "red", "spare": ""}
    words = {"remove": "to remove", "spare": "spared"}
    for item in leftovers.found:
        word = words.get(item.status, item.status)
        state = ", ".join(filter(None, (item.state, f"{format_age(item.age)} old")))
        head = Text.assemble(
            (f"{word:<10}", styles[item.status]), f" {item.resource.kind} {item.resource.name}  {state}"
        )
        console.print(head, soft_wrap=True)
        where = f"run {item.run_id}" + (f", step {item.step}" if item.step else "")
        billed = f"billed by the hour: {item.billed}" if item.billed else ""
        why = "; ".join(filter(None, (where, billed, item.error or item.reason)))
        console.print(Text(f"           {why}", style="dim"), soft_wrap=True)
    counts = Counter(words.get(item.status, item.status) for item in leftovers.found)
    told = ", ".join(f"{number} {word}" for word, number in counts.items())
    console.print(told or "runs have left nothing behind", highlight=False)
    for unreachable in leftovers.unreachable:
        style = "red" if unreachable.needed else "dim"
        console.print(Text(f"not looked at: {unreachable.place}: {unreachable.error}", style=style), soft_wrap=True)


def _default(field: Any) -> str:
    if field.default is attrs.NOTHING:
        return "(required)"
    if isinstance(field.default, attrs.Factory):  # type: ignore[arg-type]
        return repr(to_json(field.default.factory()))
    return repr(to_json(field.default))


def _is_there(module: str) -> bool:
    from importlib.util import find_spec

    return find_spec(module) is not None


def _console() -> Console:
    return Console()


def _grid() -> Table:
    return Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for number, column in enumerate(columns):
        # The last column may wrap; names and numbers must not be cut.
        table.add_column(column, no_wrap=number < len(columns) - 1)
    return table


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
