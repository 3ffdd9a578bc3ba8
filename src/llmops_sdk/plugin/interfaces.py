"""What a plugin implements.

A plugin is a `hooks.py` that returns cards and imports nothing heavy, and one module for each implementation.
An implementation is a class made with one argument, the validated options: `LoraTrainer(options)`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from llmops_sdk.errors import RequestError
from llmops_sdk.values.data import DatasetSplits, Record
from llmops_sdk.values.generations import Generation, GenerationOptions, Probe, Reply
from llmops_sdk.values.models import BaseModel, ServableModel, TrainedModel
from llmops_sdk.values.prompts import Prompt, PromptTemplate
from llmops_sdk.values.resources import Endpoint, Resource, TaggedResource
from llmops_sdk.values.scores import Metric, RecordScore

if TYPE_CHECKING:
    from llmops_sdk.record.run import Run

from llmops_sdk.plugin.context import Context


class Plugin(ABC):  # noqa: B024 - the common root holds what every kind has; the kinds have the abstract methods
    """What every implementation has: it is made from its validated options."""

    def __init__(self, options: Any) -> None:
        self.options = options


class DatasetSource(Plugin):
    """Brings a dataset and splits it."""

    def fingerprint(self, context: Context) -> str:
        """Name the exact input beyond the options: a file's SHA-256, a hub commit. Part of the artifact's key."""
        return ""

    @abstractmethod
    def load(self, context: Context) -> DatasetSplits:
        """Write `train.jsonl` and `test.jsonl` below `context.folder` (see `llmops_sdk.write_splits`).

        The same options and the same fingerprint give the same bytes.

        Raises:
            DataError: Names the file and the line, or the option, and how to mend it.
        """


class PromptSource(Plugin):
    """Brings a prompt template. It is resolved when the pipeline is built, and the plan holds its text."""

    @abstractmethod
    def template(self) -> PromptTemplate:
        """Return the template.

        Raises:
            DataError: The template's file cannot be read, or has a place that is no plain field name.
        """


class Trainer(Plugin):
    """Fine-tunes a base model on the train split."""

    def fingerprint(self, context: Context, model: BaseModel) -> str:
        """Name the exact base weights beyond their options (a hub commit, a hash). Part of the artifact's key."""
        return ""

    @abstractmethod
    def train(self, context: Context, model: BaseModel, splits: DatasetSplits, prompt: PromptTemplate) -> TrainedModel:
        """Train, and leave the weights below `context.folder` or at a URI.

        Rows are rendered with `llmops_sdk.render`. A killed call may be repeated with the same folder.
        """

    def resources(self, context: Context) -> tuple[Resource, ...]:
        """Name what `train` will create and what could outlive it. Creates nothing; it may look at what there is."""
        return ()

    def delete(self, context: Context, resource: Resource) -> None:
        """Delete a resource in whatever state it is; do nothing when it is gone.

        Raises:
            ResourceBusyError: It cannot be deleted yet.
        """


class Deployer(Plugin):
    """Serves a model until it is deleted."""

    def fingerprint(self, context: Context, model: BaseModel) -> str:
        """Name the exact base weights beyond their options. Part of the key of a base model's generations."""
        return ""

    def resources(self, context: Context, model: ServableModel) -> tuple[Resource, ...]:
        """Name what `deploy` will create. Pure: the names come from `context.resource_name()`."""
        return ()

    @abstractmethod
    def deploy(self, context: Context, model: ServableModel) -> Endpoint:
        """Start serving; return when the endpoint answers.

        Raises:
            EndpointError: It did not come up; the message has the reason or the last lines of its log.
        """

    @property
    def keeps(self) -> bool:
        """Whether what `deploy` made stays when the step has succeeded, as the user wished; else it is deleted too."""
        return False

    def connect(self, context: Context, endpoint: Endpoint) -> Transport | None:
        """Return the plugin's own way to ask the endpoint; None asks over HTTP at `endpoint.url`."""
        return None

    def delete(self, context: Context, resource: Resource) -> None:
        """Delete a resource of `resources` in whatever state it is; do nothing when it is gone.

        Raises:
            ResourceBusyError: It cannot be deleted yet.
        """


class OrphanFinder(ABC):
    """Finds what runs have left by its tags, where no ledger tells of it, and deletes it.

    Args:
        settings: Of its plugin: names and values, which may be none.
    """

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.settings = settings

    @property
    def place(self) -> str:
        """Where it looks, as people call it; what two sweepers of the same place find is the same.

        Raises:
            UserError: The settings name no place.
        """
        return type(self).__name__

    @abstractmethod
    def list(self, run_id: str = "") -> Iterator[TaggedResource]:
        """Yield every resource with this project's tags, in whatever state it is; nothing else, ever.

        Args:
            run_id: Of this run only; empty means of all.

        Raises:
            UserError: It cannot be looked at: no credentials, no permission.
        """

    @abstractmethod
    def delete(self, resource: Resource) -> None:
        """Delete a resource that `list` gave; do nothing when it is gone.

        Raises:
            ResourceBusyError: It cannot be deleted in the state in which it is, and can be later.
        """


class Transport(ABC):
    """How requests reach a deployed model. The asking itself (concurrency, retries, journal) is the core's."""

    @abstractmethod
    def send(self, prompt: Prompt, generation: GenerationOptions) -> Reply:
        """Ask once and wait for the answer. Called from several threads at a time.

        Raises:
            RequestError: With `retryable` set for what may succeed later.
        """

    def log_probability(self, prompt: Prompt) -> float:
        """Return how likely the model finds the prompt's text: the sum of its tokens' log-probabilities (natural).

        The first token has none before it and does not count. Called from several threads at a time.

        Raises:
            RequestError: As of `send`; not retryable where the endpoint cannot tell.
        """
        message = "this endpoint does not tell the probability of a text"
        raise RequestError(message, retryable=False)

    def close(self) -> None:
        """Let go of connections."""


class Evaluator(Plugin):
    """Scores generations, record by record. Means, intervals and comparisons are the core's work."""

    def fingerprint(self, context: Context) -> str:
        """Name the exact inputs beyond the options (a judge's or encoder's version). Part of the scores' key."""
        return ""

    @property
    @abstractmethod
    def metrics(self) -> tuple[Metric, ...]:
        """What `evaluate` gives for every record; the first one decides unless the pipeline says otherwise."""

    def probes(self, context: Context, record: Record) -> Iterable[Probe]:
        """Return what else must be asked about a record, inside `generate`; the card says `probes=True`.

        The same options and the same record give the same probes. What they got comes back in `Generation.probes`;
        a probe that was not answered has its `error`, and never stops the others.
        """
        return ()

    @abstractmethod
    def evaluate(self, context: Context, generations: Iterable[Generation]) -> Iterator[RecordScore]:
        """Yield one score for every generation, in their order, streaming (batches are fine, lists of all are not).

        A record that cannot be scored is an `Unscored` with the reason, never left out and never a NaN.
        """

    def provenance(self, context: Context) -> Mapping[str, str]:
        """Say what the numbers rest on (library versions, the true model and its hash); kept beside the scores."""
        return {}


class Reporter(Plugin):
    """Passes on what a run found: writes a page, sends a message, fills a table.

    The reporters of a pipeline are called on the user's machine after every run, also after one that was resumed,
    attached to or rescored.
    """

    @abstractmethod
    def report(self, context: Context, run: Run) -> None:
        """Read the record of a run that has ended, and report it.

        What is raised here is a warning that names the reporter; it changes nothing about the run.

        Args:
            context: Its `folder` is empty, and deleted afterwards; `run.put` keeps a file with the run.
            run: The record; `run.results()` holds the conclusions.
        """
