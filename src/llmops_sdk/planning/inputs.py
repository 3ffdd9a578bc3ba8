"""What a run reads: what the first records of its datasets show, and what of its inputs is on this machine without a network."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory

import attrs

from llmops_sdk.assets.asset import find_asset
from llmops_sdk.data.near_duplicates import find_near_duplicates
from llmops_sdk.data.rendering import REFERENCE, prompt_only, template_fields
from llmops_sdk.errors import AssetError, LLMOpsError, UserError
from llmops_sdk.plugin.cards import CardKind, ExecutorCard
from llmops_sdk.plugin.checks import Check, Finding
from llmops_sdk.plugin.context import Context
from llmops_sdk.plugin.interfaces import DatasetSource
from llmops_sdk.plugin.isolation import PLUGIN_FAILURES, prints_to_stderr
from llmops_sdk.plugin.options import DeployerOptions
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.values.data import Record
from llmops_sdk.values.models import BaseModel
from llmops_sdk.values.plan import Component, Plan
from llmops_sdk.values.prompts import Prompt
from llmops_sdk.values.retrieval import PASSAGES

_SHOWN = 60


def first_record_checks(plan: Plan, registry: Registry) -> Iterator[Check]:
    """Yield a check for each dataset of a plan: are its files there, and has its first record the fields of all prompts?

    They use no network. A run needs none of them: its first step reads the datasets before anything is paid for.
    """
    for dataset in plan.dataset_by_name.values():
        yield Check(f"dataset {dataset.name!r}", partial(_check_first_record, plan, registry, dataset))


def record_fields(plan: Plan, registry: Registry) -> dict[str, tuple[str, ...]]:
    """Return the fields of the first record of each dataset of a plan, as far as they are known without a network."""
    fields = {}
    for dataset in plan.dataset_by_name.values():
        source: DatasetSource = registry.make("dataset", dataset.use, dataset.options)
        with contextlib.suppress(LLMOpsError, *PLUGIN_FAILURES), prints_to_stderr():  # a check reports it
            fields[dataset.name] = tuple(source.preview() or ())
    return fields


def record_checks(plan: Plan, registry: Registry) -> Iterator[Check]:
    """Yield what the records of each dataset show about the models of a plan, as their deployers check it.

    Of a small dataset these are its test records, of another one the first record. No check uses the network.
    """
    prompts = {(cell.model, cell.dataset): cell.prompt for cell in reversed(list(plan.cell_by_name.values()))}
    for dataset in plan.dataset_by_name.values():
        try:
            records, is_whole = _known_records(registry, dataset, trains=_trains_on(plan, dataset))
        except (LLMOpsError, *PLUGIN_FAILURES):
            continue  # the dataset's own check reports it
        asked = cache(partial(_prompted, plan, records))
        for model in plan.model_by_name.values():
            card = registry.offer("deployer", model.deployer.use).card
            options = registry.options(card, model.deployer.options, f"deployer {card.name!r}")
            if not isinstance(options, DeployerOptions) or (model.name, dataset.name) not in prompts:
                continue
            prompted = asked(prompts[model.name, dataset.name])
            for check in options.record_checks(model.base, prompted, is_whole=is_whole) if prompted else ():
                yield attrs.evolve(check, name=f"{check.name} ({dataset.name})")


def _check_first_record(plan: Plan, registry: Registry, dataset: Component) -> Finding:
    """Check that a dataset's files are there, and that its first record has the fields of all prompts."""
    source: DatasetSource = registry.make("dataset", dataset.use, dataset.options)
    trains = _trains_on(plan, dataset)
    record = source.preview()
    if record is None:
        return _check_small(source, "its fields are checked when the run starts", trains=trains)
    for prompt in plan.prompts:
        fields = template_fields(prompt.template, completion=trains)
        # A record without a reference is not trained on; the step that prepares the data reports their number.
        filled = {REFERENCE, PASSAGES} if prompt.retrieve else {REFERENCE}
        missing = [name for name in fields if name not in record and name not in filled]
        if missing:
            return Finding(
                "error",
                f"the prompt {prompt.name!r} needs the field {missing[0]!r}, which the first record lacks; "
                f"its fields: {', '.join(record)}",
                "name another field in the prompt, or map one with columns: {FIELD: COLUMN}",
            )
    return _check_small(source, f"has the fields {', '.join(record)}", trains=trains)


def _check_small(source: DatasetSource, fields: str, *, trains: bool) -> Finding:
    """Load a small dataset into a temporary folder, and report what a run would: its size, and near-duplicates."""
    if not source.is_small:
        return Finding("ok", fields)
    with TemporaryDirectory(prefix="llmops-") as folder:
        splits = source.load(Context(folder=Path(folder), home=Path(folder), trains=trains))
        near = find_near_duplicates(splits.train, splits.test)
    if not near.similar:
        counts = [f"{splits.train.records} to train on"] if trains else []
        return Finding("ok", f"{fields}; records: {', '.join([*counts, f'{splits.test.records} to ask'])}")
    example = near.examples[0]
    return Finding(
        "warning",
        f"{near.similar} of {near.compared} test records have almost the same input as a training record, such as"
        f" {_one_line(example.test_input)!r} and {_one_line(example.train_input)!r}",
        "remove them from one of the splits, or keep related records together with the option 'group'",
    )


def _one_line(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= _SHOWN else f"{words[:_SHOWN]}..."


def _trains_on(plan: Plan, dataset: Component) -> bool:
    """Whether records of a dataset may be trained on, or be examples in prompts: never those of `retention`."""
    trains = any(model.trainer is not None for model in plan.models) or any(prompt.examples for prompt in plan.prompts)
    return dataset in plan.datasets and trains


def _known_records(registry: Registry, dataset: Component, *, trains: bool) -> tuple[list[Record], bool]:
    """Return the test records of a small dataset, or the first record of another one; and whether they are all.

    Raises:
        DataError: The dataset cannot be read.
    """
    source: DatasetSource = registry.make("dataset", dataset.use, dataset.options)
    with prints_to_stderr():
        record = source.preview()
        if record is None or not source.is_small:
            return ([] if record is None else [record]), False
        with TemporaryDirectory(prefix="llmops-") as folder:
            splits = source.load(Context(folder=Path(folder), home=Path(folder), trains=trains))
            return list(splits.test), True


def _prompted(plan: Plan, records: Sequence[Record], prompt: str) -> list[tuple[Record, Prompt]]:
    """Return records with what a model is asked by a prompt; none if one lacks a field, which the dataset's check reports."""
    template = plan.prompt_by_name[prompt].template
    try:
        return [(record, prompt_only(template, record)) for record in records]
    except (LLMOpsError, *PLUGIN_FAILURES):
        return []


def input_checks(plan: Plan, registry: Registry, home: Path) -> Iterator[Check]:
    """Yield a check for each dataset, model and evaluator of a plan: is everything it reads on this machine?

    Each asks for the exact version of what is read, as a run does before it uses it, without a network and without
    downloading anything. A missing asset of the plan is no error: the run fetches it before its first step, or refuses
    to start. There are no checks of models if the executor emulates the services that serve them.

    Args:
        plan: The plan.
        registry: The installed plugins.
        home: The cache of this machine.
    """
    for dataset in plan.dataset_by_name.values():
        yield _InputCheck(plan, registry, home, "dataset", dataset).named(f"dataset {dataset.name!r}")
    emulates_services = registry.card(ExecutorCard, plan.executor.use).emulates_services
    for model in () if emulates_services else plan.model_by_name.values():
        kind: CardKind = "trainer" if model.trainer else "deployer"
        component = model.trainer or model.deployer
        yield _InputCheck(plan, registry, home, kind, component, (model.base,)).named(f"model {model.name!r}")
    for evaluator in plan.evaluators:
        yield _InputCheck(plan, registry, home, "evaluator", evaluator).named(f"evaluator {evaluator.name!r}")


@attrs.frozen
class _InputCheck:
    """Whether one component finds on this machine what it reads.

    Attributes:
        plan: The plan.
        registry: The installed plugins.
        home: The cache of this machine.
        kind: The component's kind.
        component: The component.
        arguments: What its `fingerprint` gets besides the context.
    """

    plan: Plan
    registry: Registry
    home: Path
    kind: CardKind
    component: Component
    arguments: tuple[BaseModel, ...] = ()

    def named(self, name: str) -> Check:
        return Check(name, self._run)

    def _run(self) -> Finding:
        try:
            implementation = self.registry.make(self.kind, self.component.use, self.component.options)
            version = implementation.fingerprint(self._context(), *self.arguments)
        except _NotYetFetchedError as exc:
            return Finding("ok", str(exc))
        except UserError as exc:
            return Finding("error", str(exc))
        return Finding("ok", f"version {version[:12]}" if version else "needs nothing more")

    def _context(self) -> Context:
        """Make the context of a run without a network, except for assets: they are found, never fetched."""
        context = Context(
            step="inputs",
            folder=self.home,
            home=self.home,
            offline=True,
            make=self.registry.make,
            asset=self._find_asset,
            settings_of=partial(self.registry.settings_of, self.plan.settings),
        )
        return context.for_card(self.kind, self.component.use)

    def _find_asset(self, name: str) -> Path:
        asset = self.registry.asset(name)
        folder = find_asset(asset, self.home)
        if folder is not None:
            return folder
        if name in self.plan.assets or not all(source.needs_network for source in asset.sources):
            message = f"its version is known once the asset {name!r} is here"
            raise _NotYetFetchedError(message)
        message = f"it needs the asset {name!r}"
        raise AssetError(message)


class _NotYetFetchedError(AssetError):
    """An asset is missing that the run will fetch before its first step."""
