"""What a plugin implements.

A plugin is a `hooks.py` that returns cards and imports nothing heavy, and one module for each implementation.
An implementation is a class made with one argument, the validated options: `LoraTrainer(options)`.
"""

from __future__ import annotations

import logging
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import attrs

from llmops_sdk.cards import CardKind
from llmops_sdk.errors import RequestError, SpecError
from llmops_sdk.plans import Failed
from llmops_sdk.serial import digest
from llmops_sdk.values import (
    BaseModel,
    DatasetSplits,
    Endpoint,
    Generation,
    GenerationOptions,
    Metric,
    Probe,
    Prompt,
    PromptTemplate,
    Record,
    RecordScore,
    Reply,
    Resource,
    ServableModel,
    TaggedResource,
    TrainedModel,
)

if TYPE_CHECKING:
    from llmops_sdk.plans import Plan
    from llmops_sdk.progress import Progress
    from llmops_sdk.running import Runtime
    from llmops_sdk.runs import Run
    from llmops_sdk.stores import Store


# -- what an implementation is handed -----------------------------------------------------------


@attrs.frozen
class Context:
    """What a step hands to the plugin it calls.

    Attributes:
        run_id: The run.
        step: The step, as the record names it.
        folder: Where to write. It belongs to what is being made, not to the attempt: a later attempt at the same
            artifact finds what an interrupted one left there (checkpoints), and a finished one keeps all of it. Its name
            is the key of what is being made: the same in every store and on every machine for the same inputs.
        home: The cache of this machine (`LLMOPS_HOME`).
        offline: Whether the network must not be touched.
        progress: Where to tell how far the work is.
        log: Goes to `logs/<step>.log` of the run.
        settings: Of this plugin, from `with_settings`: names and text.
        make: Makes another plugin's implementation: `context.make("trainer", "lora", {"max_steps": 10})`.
        asset: The folder of an asset, fetched first where it is missing: `context.asset("wordnet")`. Raises
            `AssetError` when it cannot be had.
    """

    run_id: str
    step: str
    folder: Path
    home: Path
    offline: bool
    progress: Progress
    log: logging.Logger
    settings: Mapping[str, Mapping[str, Any]]
    make: Callable[[CardKind, str, Mapping[str, Any]], Any]
    asset: Callable[[str], Path]

    def resource_name(self, limit: int = 63) -> str:
        """Return the one name for what this step creates: the same in every attempt of the same run.

        Args:
            limit: The longest name the service allows; 63 is SageMaker's.
        """
        whole = f"llmops-{self.run_id}-{self.step}"
        name = re.sub(r"[^a-zA-Z0-9]+", "-", whole).strip("-")
        if len(name) <= limit:
            return name
        # Steps that differ at their ends must not share a name.
        mark = digest(whole)[:8]
        return f"{name[: limit - 9].rstrip('-')}-{mark}"


# -- interfaces ---------------------------------------------------------------------------------


class Plugin(ABC):  # noqa: B024 - the common root holds what every kind has; the kinds have the abstract methods
    """What every implementation has: it is made from its validated options."""

    def __init__(self, options: Any) -> None:
        self.options = options


class DatasetSource(Plugin):
    """Brings a data set and splits it."""

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


class Sweeper(ABC):
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


class Executor(Plugin):
    """Runs the steps of a plan somewhere.

    Attributes:
        elsewhere: Whether steps run on other machines: they fetch the assets there, and the user may leave a run to
            itself (`--detach`, `llmops attach`).
    """

    elsewhere: ClassVar[bool] = False

    def begin(self, plan: Plan, store: Store, runtime: Runtime) -> Run:
        """Begin the record of a new run; what it costs begins here at the earliest.

        Args:
            plan: What will be executed.
            store: Where the user keeps runs; an executor elsewhere may begin the run in a store of its own.
            runtime: What this process brings.
        """
        from llmops_sdk import __version__
        from llmops_sdk.runs import Run

        return Run.create(store, plan, version=__version__)

    def resume(self, run: Run, runtime: Runtime) -> Run:
        """Make a run that was stopped, or has failed steps, ready to be executed, and return it: this one, or a new one.

        By default what failed is forgotten, so that it is done again.
        """
        for step in run.plan.steps:
            if isinstance(run.record(step.name), Failed):
                run.forget(step.name)
        run.forget("compare")
        return run

    @abstractmethod
    def execute(self, run: Run, runtime: Runtime) -> None:
        """Run every step of `run.plan` that the record does not show as done, then return.

        Steps are run with `llmops_sdk.run_step`, or in another process with `llmops_sdk.Child`. A failed step is in
        the record and does not stop the others. What is executed elsewhere has ended when this returns; what the
        ledger still holds is deleted then.

        Raises:
            KeyboardInterrupt: The user stopped it; no child is left and the run can be resumed.
        """

    def compile(self, plan: Plan, runtime: Runtime, *, full: bool = False) -> Any:
        """Return, as JSON, what a plan becomes where its steps run elsewhere. Creates and starts nothing.

        Args:
            plan: The plan.
            runtime: What this process brings.
            full: Whether in the very form in which it is sent, without its secrets.

        Raises:
            SpecError: It becomes nothing else: the plan itself is run.
        """
        message = f"executor {plan.executor.use!r} runs the plan as it is; see it with: llmops plan"
        raise SpecError(message)

    def detached(self, run: Run) -> str:
        """Say what goes on without the user, how to come back, and what guards are left. For executors elsewhere."""
        return ""


class Reporter(Plugin):
    """Tells about a finished run."""

    @abstractmethod
    def report(self, run: Run) -> None:
        """Read the record, and write or send what it tells."""
