"""The interfaces that a plugin implements.

A plugin is a `hooks.py` that returns cards and imports nothing heavy, and one module for each implementation.
An implementation is a class made with one argument, the validated options: `LoraTrainer(options)`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from llmops_sdk.errors import RequestError, SpecError
from llmops_sdk.plugin.context import Context
from llmops_sdk.values.answers import Answer
from llmops_sdk.values.data import DatasetSplits, Record
from llmops_sdk.values.generation_options import GenerationOptions
from llmops_sdk.values.generations import Generation
from llmops_sdk.values.imports import ImportedResults
from llmops_sdk.values.models import BaseModel, ServableModel, TrainedModel
from llmops_sdk.values.probes import Probe
from llmops_sdk.values.prompts import Prompt, PromptTemplate
from llmops_sdk.values.resources import Endpoint, Resource, TaggedResource
from llmops_sdk.values.scores import Metric, RecordScore
from llmops_sdk.values.summaries import ScoredRecord, Summary

if TYPE_CHECKING:
    from llmops_sdk.record.run import Run


class Implementation(ABC):  # noqa: B024 - the kinds have the abstract methods
    """What every implementation is: made from its validated options."""

    def __init__(self, options: Any) -> None:
        self.options = options


class DatasetSource(Implementation):
    """Loads a dataset and splits it."""

    def fingerprint(self, context: Context) -> str:
        """Return what identifies the exact input beyond the options: a file's SHA-256, a hub commit.

        It is part of the artifact's key.
        """
        return ""

    def preview(self) -> Record | None:
        """Return the first record, for checks before a run costs anything; None if that takes a network or long.

        Raises:
            DataError: A file is missing, or its first record cannot be used; as `load` would raise it.
        """
        return None

    @property
    def is_small(self) -> bool:
        """Whether `load` takes about a second and no network: then `llmops plan` loads it too, and shows what a run would."""
        return False

    @abstractmethod
    def load(self, context: Context) -> DatasetSplits:
        """Write `train.jsonl` and `test.jsonl` below `context.folder` (see `llmops_sdk.plugin.write_splits`).

        The same options and the same fingerprint give the same bytes.

        Raises:
            DataError: The message names the file and the line, or the option, and how to fix it.
        """


class PromptSource(Implementation):
    """Provides a prompt template. It is read when the pipeline is built, and the plan holds its text."""

    @abstractmethod
    def template(self) -> PromptTemplate:
        """Return the template.

        Raises:
            DataError: The template's file cannot be read, or has a placeholder that is no plain field name.
        """


class Trainer(Implementation):
    """Fine-tunes a base model on the train split."""

    def fingerprint(self, context: Context, model: BaseModel) -> str:
        """Return what identifies the exact base weights beyond their options (a hub commit, a hash).

        It is part of the artifact's key.
        """
        return ""

    @abstractmethod
    def train(self, context: Context, model: BaseModel, splits: DatasetSplits, prompt: PromptTemplate) -> TrainedModel:
        """Train, and leave the weights below `context.folder` or at a URI.

        Records are rendered with `llmops_sdk.plugin.render`. A killed call may be repeated with the same folder.
        """

    def resources(self, context: Context) -> tuple[Resource, ...]:
        """Return what `train` will create and what could outlive it. Creates nothing; it may look at what exists."""
        return ()

    def delete(self, context: Context, resource: Resource) -> None:
        """Delete a resource in whatever state it is; do nothing if it is gone.

        Raises:
            ResourceBusyError: It cannot be deleted yet.
        """


class Deployer(Implementation):
    """Serves a model until it is deleted."""

    def fingerprint(self, context: Context, model: BaseModel) -> str:
        """Return what identifies the exact base weights beyond their options.

        It is part of the key of a base model's generations.
        """
        return ""

    def engine(self, context: Context) -> Mapping[str, str]:
        """Return what else decides the answers where the model is served: the number format, the engine's version.

        It is part of the key of all generations, of base and fine-tuned models alike, so answers that were computed
        differently are never mixed. The same options give the same values in every process of a machine.
        """
        return {}

    def resources(self, context: Context, model: ServableModel) -> tuple[Resource, ...]:
        """Return what `deploy` will create. Pure: the names come from `context.resource_name()`."""
        return ()

    @abstractmethod
    def deploy(self, context: Context, model: ServableModel) -> Endpoint:
        """Start serving; return when the endpoint answers.

        Raises:
            EndpointError: It did not start; the message has the reason or the last lines of its log.
        """

    @property
    def keeps(self) -> bool:
        """Whether the user wants the resources to stay after the step has succeeded; else they are deleted."""
        return False

    def connect(self, context: Context, endpoint: Endpoint) -> Transport | None:
        """Return the plugin's own way to send requests to the endpoint; None sends them over HTTP to `endpoint.url`."""
        return None

    def serve(self, context: Context, model: ServableModel, *, name: str, port: int) -> ModelServer:
        """Start a server on this machine for users' own programs, with OpenAI's API; return when it is ready.

        `llmops serve` calls it. A deployer whose models run on this machine overrides it.

        Args:
            context: Its `folder` is for the server's log.
            model: What to serve.
            name: The model's name in the API, unless the server has a name of its own for it.
            port: The port on 127.0.0.1; 0 takes a free one.

        Raises:
            SpecError: Its models do not run on this machine; the message names where they are asked, if they have an address.
            EndpointError: It did not start; the message has the last lines of its log.
        """
        message = "its model does not run on this machine"
        raise SpecError(message)

    def delete(self, context: Context, resource: Resource) -> None:
        """Delete a resource of `resources` in whatever state it is; do nothing if it is gone.

        Raises:
            ResourceBusyError: It cannot be deleted yet.
        """


class ModelServer(ABC):
    """A server that `Deployer.serve` started. It ends with this process, however that ends.

    Args:
        url: The base URL of OpenAI's API, such as `http://127.0.0.1:8000/v1`.
        model: The model's name in the API.
        weights: The folder with the weights and the tokenizer, or None if there is none.
    """

    def __init__(self, url: str, model: str, weights: Path | None = None) -> None:
        self.url = url
        self.model = model
        self.weights = weights

    @abstractmethod
    def wait(self) -> NoReturn:
        """Block while it runs.

        Raises:
            EndpointError: It ended on its own; the message has the last lines of its log.
        """

    @abstractmethod
    def stop(self) -> None:
        """Stop it, whatever it is doing; do nothing if it has ended."""


class OrphanFinder(ABC):
    """Finds resources that runs left behind by their tags, where no ledger records them, and deletes them.

    Args:
        settings: The settings of its plugin; may be empty.
    """

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.settings = settings

    @property
    def place(self) -> str:
        """Where it searches, as people call it; two finders of the same place find the same resources.

        Raises:
            UserError: The settings name no place.
        """
        return type(self).__name__

    @abstractmethod
    def list(self, run_id: str = "") -> Iterator[TaggedResource]:
        """Yield every resource with this project's tags, in whatever state it is, and nothing else.

        Args:
            run_id: Only the resources of this run; empty means of all runs.

        Raises:
            UserError: The place cannot be searched: no credentials, no permission.
        """

    def price(self, tagged: TaggedResource) -> float | None:
        """Return what a resource that `list` yielded is billed an hour, in US dollars; None if that is not known."""
        return None

    @abstractmethod
    def delete(self, resource: Resource) -> None:
        """Delete a resource that `list` yielded; do nothing if it is gone.

        Raises:
            ResourceBusyError: It cannot be deleted in its present state, but can be later.
        """


class Transport(ABC):
    """How requests reach a deployed model. Concurrency, retries and the journal of answers are the core's work."""

    @abstractmethod
    def send(self, prompt: Prompt, generation: GenerationOptions) -> Answer:
        """Send one request and wait for the answer. Called from several threads at a time.

        Raises:
            RequestError: With `retryable` set if the same request may succeed later.
        """

    def send_record(self, record: Record | None, prompt: Prompt, generation: GenerationOptions) -> Answer:
        """Send one request about a test record, or None for an evaluator's own question; by default `send` gets the prompt."""
        return self.send(prompt, generation)

    def log_probability(self, prompt: Prompt) -> float:
        """Return how likely the model finds the prompt's text: the sum of its tokens' log-probabilities (natural).

        The first token has none before it and does not count. Called from several threads at a time.

        Raises:
            RequestError: As for `send`; not retryable if the endpoint returns no log-probabilities.
        """
        message = "this endpoint returns no log-probabilities"
        raise RequestError(message, retryable=False)

    def close(self) -> None:
        """Close connections."""


class RecordTransport(Transport):
    """Answers by the test record instead of by the prompt: it has the answers already, as a file of recorded ones has.

    What has no test record, such as an evaluator's own probes, is not answered.
    """

    def match(self, asked: Iterable[tuple[Record, Prompt]]) -> Mapping[str, str]:
        """Look at all test records of a cell, before its first question; return details to record with its answers.

        It is called in each attempt, with all records, also with those that were answered before.

        Args:
            asked: The records in the split's order, each with what a model would be asked.

        Raises:
            DataError: The answers do not fit the records.
        """
        return {}

    @abstractmethod
    def answer(self, index: int, record: Record, prompt: Prompt) -> Answer:
        """Return the answer to a test record; its `latency` is None where it is not known.

        Args:
            index: The record's place in the test split.
            record: The record.
            prompt: What a model would be asked.

        Raises:
            RequestError: There is none; not retryable. With `is_missing`, the record was never asked, and its score is
                missing; without it, the candidate failed.
        """

    def send(self, prompt: Prompt, generation: GenerationOptions) -> Answer:
        """Refuse a question that has no test record."""
        message = "only the test records have recorded answers, and this question is not one of them"
        raise RequestError(message, retryable=False)


class Evaluator(Implementation):
    """Scores generations, record by record. Means, intervals and comparisons are the core's work."""

    def fingerprint(self, context: Context) -> str:
        """Return what identifies the exact inputs beyond the options (a judge's or encoder's version).

        It is part of the key of the scores.
        """
        return ""

    @property
    @abstractmethod
    def metrics(self) -> tuple[Metric, ...]:
        """The metrics that `evaluate` gives every record; the first one decides unless the pipeline names another."""

    def probes(self, context: Context, record: Record) -> Iterable[Probe]:
        """Return further questions about a record, asked inside `generate`; its card has `probes=True`.

        The same options and the same record give the same probes. Their replies are in `Generation.probes`; a probe
        that was not answered has its `error`, and never stops the others.
        """
        return ()

    @abstractmethod
    def evaluate(self, context: Context, generations: Iterable[Generation]) -> Iterator[RecordScore]:
        """Yield one score for every generation, in their order, streaming (batches are fine, lists of all are not).

        A record that cannot be scored is an `Unscored` with the reason, never left out and never a NaN.
        """

    def summary(self, scored: Iterable[ScoredRecord]) -> Summary | None:
        """Return what the scores of all records show together and no mean of them does, such as macro F1; its card has `has_summary=True`.

        It is shown beside the means, and never decides. It is called once for each candidate on each dataset, when the
        candidates are compared, and reads what `evaluate` left in the notes.

        Args:
            scored: The records that the candidate was asked, as a stream; more than once where it was asked repeatedly. Those
                whose answer or score is missing are left out.
        """
        return None

    def provenance(self, context: Context) -> Mapping[str, str]:
        """Return what the scores rest on (library versions, the exact model and its hash); kept with the scores."""
        return {}


class Reporter(Implementation):
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


class Importer(Implementation):
    """Reads the result files of another tool, for `llmops compare`."""

    @abstractmethod
    def recognizes(self, path: Path) -> bool:
        """Return whether a file or folder is of this tool, by a quick look at its content.

        False for what cannot be read; nothing is raised.
        """

    @abstractmethod
    def read(self, context: Context, path: Path) -> Iterator[ImportedResults]:
        """Yield the results in a file or folder: one for each candidate and dataset, as a stream.

        Raises:
            DataError: The file cannot be used; the message names the file, the place in it, and how to fix it.
        """
