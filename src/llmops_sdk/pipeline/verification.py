"""Reading everything again that a store holds: what is damaged, and what becomes of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import attrs

from llmops_sdk.errors import RecordError, UserError
from llmops_sdk.record.artifacts import artifact_addresses, artifact_damage, is_withdrawn, read_artifact
from llmops_sdk.record.files import read_json, to_value
from llmops_sdk.record.layout import BUDGET, EXPECTED_COST, ArtifactLayout, RunLayout, spending_file
from llmops_sdk.record.ledger import LedgerEntry
from llmops_sdk.record.lines import read_journal_line
from llmops_sdk.record.run import Run
from llmops_sdk.record.runs import list_runs, unreadable_runs
from llmops_sdk.record.stores import Store
from llmops_sdk.steps.cell.grades import GRADES
from llmops_sdk.values.grades import Grades
from llmops_sdk.values.prices import Budget
from llmops_sdk.values.spending import ExpectedCost, Spending
from llmops_sdk.values.step_records import StepRecord, Succeeded

_JOURNALS = ("generations", "probes")
_AGAIN = {
    "data": "the dataset is loaded again",
    "model": "the model is trained again",
    "generations": "the records are asked again",
    "probes": "the probes are asked again",
    "scores": "the answers are scored again",
    "samples": "they are written again",
    "results": "they are written again",
}


@attrs.frozen
class Damage:
    """Something that cannot be used as it is.

    Attributes:
        item: What it is.
        reason: What is wrong with it.
        remedy: What becomes of it.
    """

    item: str
    reason: str
    remedy: str


@attrs.frozen
class Verification:
    """What was read, and what is damaged.

    Attributes:
        runs: The number of runs.
        artifacts: The number of artifacts.
        damages: What is damaged.
    """

    runs: int
    artifacts: int
    damages: tuple[Damage, ...]


def verify_run(run: Run) -> Verification:
    """Read the files of a run again, and the artifacts that its steps made."""
    addresses = sorted(_addresses(run))
    damages = [*_run_damages(run), *_artifact_damages(run.store, addresses, resume=run.id)]
    return Verification(1, len(addresses), tuple(damages))


def verify_store(store: Store) -> Verification:
    """Read every run and every artifact of a store again."""
    damages = [Damage(f"run {one.run}", one.error, "run its specification again") for one in unreadable_runs(store)]
    used: dict[str, str] = {}
    runs = list_runs(store)
    for metadata in runs:
        try:
            run = Run.open(store, metadata.run)
        except (UserError, OSError) as exc:
            damages.append(Damage(f"run {metadata.run}", _line(exc), "run its specification again"))
            continue
        damages.extend(_run_damages(run))
        used.update(dict.fromkeys(_addresses(run), run.id))
    addresses = sorted({*artifact_addresses(store), *used})
    for address in addresses:
        damages.extend(_artifact_damages(store, [address], resume=used.get(address, "")))
    return Verification(len(runs), len(addresses), tuple(damages))


def _addresses(run: Run) -> set[str]:
    records = [run.record(step.name) for step in run.plan.steps]
    return {address for record in records if isinstance(record, Succeeded) for address in record.artifacts.values()}


def _run_damages(run: Run) -> Iterator[Damage]:
    layout = RunLayout(run.id)
    again = f"the step is run again by: llmops run --resume {run.id}"
    for step in run.plan.steps:
        yield from _json_damage(run, layout.step(step.name), StepRecord, f"the record of step {step.name}", again)
    for key in run.store.list(layout.ledger):
        resource = layout.resource_of(key)
        item = f"the entry of {resource.kind} {resource.name} in the ledger"
        yield from _json_damage(run, key, LedgerEntry, item, f"the resource is deleted by: llmops gc --run {run.id}")
    written = f"written again by: llmops run --resume {run.id}"
    if run.store.get(layout.results) is None and isinstance(run.record("compare"), Succeeded):
        yield Damage(f"results.json of run {run.id}", "it is gone", written)
    yield from _json_damage(run, layout.results, None, "results.json", written)
    read_again = f"read the graded sheets again: llmops grade {run.id} --from FILE"
    yield from _json_damage(run, layout.file(GRADES), Grades, "the grades", read_again)
    for name, cls in _cost_files(run):
        yield from _json_damage(
            run, layout.file(name), cls, f"the file {name}", "remove it: what it has is then unknown"
        )
    for cell in run.plan.cell_by_name.values():
        if not run.has_samples(cell.name):
            yield Damage(
                f"the samples of {cell.name} of run {run.id}", "they were changed, truncated or removed", written
            )


def _cost_files(run: Run) -> Iterator[tuple[str, type]]:
    yield EXPECTED_COST, ExpectedCost
    yield BUDGET, Budget
    for step in run.plan.steps:
        yield spending_file(step.name), Spending


def _json_damage(run: Run, key: str, cls: Any, item: str, remedy: str) -> Iterator[Damage]:
    try:
        data = read_json(run.store, key)
        if data is not None and cls is not None:
            to_value(data, cls, run.store, key)
    except RecordError as exc:
        yield Damage(f"{item} of run {run.id}", _line(exc), remedy)


def _artifact_damages(store: Store, addresses: list[str], *, resume: str) -> Iterator[Damage]:
    by = f" by: llmops run --resume {resume}" if resume else " when a run needs it"
    for address in addresses:
        kind = address.partition("/")[0]
        reason = artifact_damage(store, address, thorough=True)
        is_needed = bool(resume) or not is_withdrawn(store, address)
        if not reason and is_needed and read_artifact(store, address) is None:
            reason = "it is gone"
        if reason:
            yield Damage(f"artifact {address}", reason, f"{_AGAIN.get(kind, 'it is made again')}{by}")
        if kind in _JOURNALS and (lines := _bad_lines(store, address)):
            yield Damage(
                f"the journal of artifact {address}", f"{lines} damaged lines", f"their questions are asked again{by}"
            )


def _bad_lines(store: Store, address: str) -> int:
    bad = 0
    for line in store.read_lines(ArtifactLayout(address).segments):
        try:
            read_journal_line(line)
        except Exception:  # noqa: BLE001 - whatever is wrong with it
            bad += 1
    return bad


def _line(error: Exception) -> str:
    return " ".join(str(error).split())
