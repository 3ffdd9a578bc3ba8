"""What a store holds: its runs with the artifacts that they use, its artifacts and its plans, with their bytes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import attrs

from llmops_sdk.cleanup.weight import Weight
from llmops_sdk.errors import RecordError, UserError
from llmops_sdk.record.artifacts import is_withdrawn, read_maker
from llmops_sdk.record.files import read_json, to_value
from llmops_sdk.record.layout import (
    ARTIFACTS,
    PLANS,
    RUNS,
    ArtifactLayout,
    RunLayout,
    owner_of,
    plan_key,
    prepared_keys,
)
from llmops_sdk.record.metadata import RunMetadata
from llmops_sdk.record.run import Run
from llmops_sdk.record.runs import read_record
from llmops_sdk.record.stores import Store
from llmops_sdk.values.plan import step_kind
from llmops_sdk.values.serial import digest
from llmops_sdk.values.step_records import Failed, StepRecord, Succeeded

_GENERATIONS = re.compile(r"generations/(?P<prefix>.*?)(?P<key>[0-9a-f]{64})")

_READERS = 16
"""Records that are read at the same time: those of a store in the cloud come slowly."""


@attrs.frozen(kw_only=True)
class StoredRun:
    """A run of a store.

    Attributes:
        id: Its ID.
        weight: Its files.
        metadata: What it is; None where that cannot be read.
        run: Its record; None where that cannot be read.
        problem: What cannot be read, or an empty text.
        addresses: The artifacts that its steps made or used.
        missing: The steps that have no record.
        unfinished: The kinds of the steps that resuming it runs: they have no record, failed, or have answers pending.
        last_worked: When it was created, or when its last step ended, in seconds since the epoch.
        is_freed: Whether an earlier `llmops clean` was killed while it freed the run.
    """

    id: str
    weight: Weight
    metadata: RunMetadata | None = None
    run: Run | None = None
    problem: str = ""
    addresses: frozenset[str] = frozenset()
    missing: tuple[str, ...] = ()
    unfinished: frozenset[str] = frozenset()
    last_worked: float = 0.0
    is_freed: bool = False

    @property
    def exists(self) -> bool:
        """Whether it is a run; otherwise it is what is left of one, or what will be one."""
        return RunLayout(self.id).metadata in self.weight.keys


@attrs.frozen(kw_only=True)
class StoredArtifact:
    """An artifact of a store.

    Attributes:
        address: `kind/key`.
        weight: Its files.
        maker: The run that finished it; empty where that is not known.
        is_finished: Whether it is finished; otherwise a step was stopped while it made it.
        is_withdrawn: Whether an earlier `llmops clean` was stopped while it freed it.
    """

    address: str
    weight: Weight
    maker: str = ""
    is_finished: bool = True
    is_withdrawn: bool = False

    @property
    def kind(self) -> str:
        """Its kind (`model`)."""
        return self.address.partition("/")[0]


@attrs.frozen(kw_only=True)
class StoredPlan:
    """A plan of a store.

    Attributes:
        hash: Its hash.
        weight: Its files.
        addresses: The artifacts of its `prepare` steps, where it keeps their records.
        has_prepared: Whether it keeps records of `prepare` steps or uploads, for runs that are about to start.
    """

    hash: str
    weight: Weight
    addresses: frozenset[str] = frozenset()
    has_prepared: bool = False

    @property
    def records(self) -> tuple[str, ...]:
        """The keys of the plan itself, and of the records of its `prepare` steps."""
        records = {plan_key(self.hash), *prepared_keys(self.weight.keys)}
        return tuple(key for key in self.weight.keys if key in records)


@attrs.frozen
class Contents:
    """What a store holds.

    Attributes:
        runs: By ID.
        artifacts: By address.
        plans: By hash.
    """

    runs: Mapping[str, StoredRun]
    artifacts: Mapping[str, StoredArtifact]
    plans: Mapping[str, StoredPlan]

    @property
    def weights(self) -> Iterator[Weight]:
        """All files."""
        for items in (self.runs, self.artifacts, self.plans):
            yield from (item.weight for item in items.values())


def read_contents(store: Store) -> Contents:
    """List a store, and read the records of its runs."""
    runs, artifacts, plans = _weigh(store, RUNS), _weigh(store, ARTIFACTS, 2), _weigh(store, PLANS)
    with ThreadPoolExecutor(_READERS) as pool:
        return Contents(
            {run.id: run for run in pool.map(partial(_read_run, store), runs, runs.values())},
            {one.address: one for one in pool.map(partial(_read_artifact, store), artifacts, artifacts.values())},
            {plan.hash: plan for plan in pool.map(partial(_read_plan, store), plans, plans.values())},
        )


def read_addresses(store: Store, keys: Iterable[str]) -> frozenset[str]:
    """Return the artifacts that runs use by those of their files that have these keys: records of steps, and marks."""
    addresses: set[str] = set()
    for key in keys:
        layout = RunLayout(owner_of(RUNS, key))
        addresses |= _marked(layout, [key])
        if step := layout.step_of(key):
            addresses |= _addresses(read_record(store, layout.run_id, step))
    return frozenset(addresses)


def read_prepared(store: Store, keys: Iterable[str]) -> frozenset[str]:
    """Return the artifacts that the records of `prepare` steps beside a plan name."""
    addresses: set[str] = set()
    for key in prepared_keys(keys):
        try:
            addresses |= _addresses(to_value(read_json(store, key), StepRecord, store, key))
        except RecordError:
            continue
    return frozenset(addresses)


def _weigh(store: Store, prefix: str, depth: int = 1) -> dict[str, Weight]:
    weights: dict[str, Weight] = {}
    for file in store.files(prefix):
        weights.setdefault(owner_of(prefix, file.key, depth), Weight()).add(file)
    return weights


def _read_run(store: Store, run_id: str, weight: Weight) -> StoredRun:
    layout = RunLayout(run_id)
    recorded = {step: read_record(store, run_id, step) for key in weight.keys if (step := layout.step_of(key))}
    addresses = frozenset().union(*map(_addresses, recorded.values()), _marked(layout, weight.keys))
    stored = StoredRun(id=run_id, weight=weight, addresses=addresses, is_freed=layout.freed in weight.keys)
    if not stored.exists:
        return stored
    try:
        run = Run.open(store, run_id)
    except (UserError, OSError) as exc:
        return attrs.evolve(stored, problem=" ".join(str(exc).split()))
    damaged = [step for step, record in recorded.items() if record is None]
    steps = [step.name for step in run.plan.steps]
    return attrs.evolve(
        stored,
        run=run,
        metadata=run.metadata,
        problem=f"the record of step {damaged[0]!r} is damaged" if damaged else "",
        missing=tuple(step for step in steps if step not in recorded),
        unfinished=frozenset(step_kind(step) for step in steps if not _is_complete(recorded.get(step))),
        last_worked=max([run.metadata.created_at.timestamp(), *(_ended(record) for record in recorded.values())]),
    )


def _read_artifact(store: Store, address: str, weight: Weight) -> StoredArtifact:
    layout = ArtifactLayout(address)
    if layout.value not in weight.keys:
        return StoredArtifact(address=address, weight=weight, is_finished=False)
    return StoredArtifact(
        address=address,
        weight=weight,
        maker=read_maker(store, address),
        is_withdrawn=is_withdrawn(store, address),
    )


def _read_plan(store: Store, plan_hash: str, weight: Weight) -> StoredPlan:
    has_prepared = any(key != plan_key(plan_hash) for key in weight.keys)
    return StoredPlan(
        hash=plan_hash, weight=weight, addresses=read_prepared(store, weight.keys), has_prepared=has_prepared
    )


def _addresses(record: StepRecord | None) -> set[str]:
    """Return the artifacts of a step, with those of the probes that it asked.

    The address of probes is made of the generations' and of the questions' hash, which is among the step's inputs. An
    executor may put a prefix of its own before the keys of its artifacts.
    """
    if not isinstance(record, Succeeded):
        return set()
    addresses = set(record.artifacts.values())
    generations = [match for address in addresses if (match := _GENERATIONS.fullmatch(address))]
    return addresses | {
        f"probes/{match['prefix']}{digest('generations/' + match['key'], value)}"
        for match in generations
        for value in set(record.inputs.values())
    }


def _marked(layout: RunLayout, keys: Iterable[str]) -> set[str]:
    return {address for key in keys if (address := layout.used(key))}


def _is_complete(record: StepRecord | None) -> bool:
    return isinstance(record, Succeeded) and not record.pending


def _ended(record: StepRecord | None) -> float:
    return record.at + record.seconds if isinstance(record, (Succeeded, Failed)) else 0.0
