"""Serving a candidate of a run to users' own programs. The run's record is only read."""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NoReturn

import attrs

from llmops_sdk.errors import SpecError, did_you_mean
from llmops_sdk.pipeline.execution import open_run
from llmops_sdk.pipeline.interruption import resume_command
from llmops_sdk.plugin.interfaces import Deployer, ModelServer
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.progress import Progress, progress_for
from llmops_sdk.record.run import Run
from llmops_sdk.record.stores import DEFAULT_STORE, Store
from llmops_sdk.steps.execution import StepExecution
from llmops_sdk.steps.generate import local_weights, servable_model, weights_label
from llmops_sdk.steps.runtime import Runtime, default_home, used_cache
from llmops_sdk.steps.signals import stop_signals
from llmops_sdk.values.names import check_seed
from llmops_sdk.values.plan import GenerateStep, PlannedModel
from llmops_sdk.values.prompts import ChatTemplate
from llmops_sdk.values.step_records import Failed, Succeeded

_HOST = "127.0.0.1"


@attrs.frozen
class ServedCandidate:
    """A candidate that is served on this machine.

    Attributes:
        run_id: The run that has it.
        name: Its name.
        asks_chats: Whether the run asked it with chats; else with texts to complete.
        server: The server.
    """

    run_id: str
    name: str
    asks_chats: bool
    server: ModelServer

    @property
    def url(self) -> str:
        """The base URL of OpenAI's API, such as `http://127.0.0.1:8000/v1`."""
        return self.server.url

    @property
    def model(self) -> str:
        """The model's name in the API: the candidate's, unless a server has one of its own."""
        return self.server.model

    @property
    def weights(self) -> Path | None:
        """The folder with its weights and tokenizer, for tools that count tokens themselves; None if there is none."""
        return self.server.weights

    def wait(self) -> NoReturn:
        """Block while it is served.

        Raises:
            EndpointError: The server ended on its own; the message has the last lines of its log.
        """
        self.server.wait()


@contextmanager
def serve(  # noqa: PLR0913 - one parameter for each option of `llmops serve`, and the plugins
    run_id: str = "latest",
    candidate: str = "",
    *,
    dataset: str = "",
    seed: int | None = None,
    port: int = 0,
    store: Store | Path | str = DEFAULT_STORE,
    offline: bool = False,
    progress: Progress | None = None,
    registry: Registry | None = None,
) -> Iterator[ServedCandidate]:
    """Serve a candidate of a run on this machine, with OpenAI's API, until the end of the block.

    What is served are its weights: requests bring their own prompts. The server is gone when this process ends, however
    that ends.

    Args:
        run_id: The run: its ID, a unique prefix of it, or `latest`.
        candidate: The candidate; may be omitted if the run has only one.
        dataset: The dataset that it was fine-tuned on, if there are several.
        seed: The seed that it was fine-tuned with, if there are several.
        port: The port on 127.0.0.1; 0 takes a free one.
        store: Where runs are kept: a folder, a URI such as `s3://bucket/prefix`, or a `Store`.
        offline: Whether the network must not be used.
        progress: Where progress is shown; by default the terminal.
        registry: The plugins; by default the installed ones.

    Raises:
        RunNotFoundError: The store has no such run.
        SpecError: The run has no such candidate, it is not trained, its model does not run on this machine, or the port is
            in use.
        RecordError: Its weights are gone from the store, or damaged.
        EndpointError: The server did not start.
    """
    registry = registry or Registry.load()
    run = open_run(run_id, store, registry, offline=offline)
    step = _find_step(run, candidate, dataset, seed)
    cell = run.plan.cell_by_name[step.cells[0]]
    name = candidate or cell.candidate
    _check_trained(run, step, name)
    _check_port(port)
    with stop_signals(), used_cache(default_home()), ExitStack() as stack:
        with progress or progress_for() as shown:
            runtime = Runtime(registry, default_home(), offline=offline, progress=shown)
            folder = runtime.home / "serve" / f"{run.id}.{step.name}"
            folder.mkdir(parents=True, exist_ok=True)
            execution = StepExecution(run, step.name, runtime, logging.getLogger(__name__), time.time())
            if run.plan.prompt_by_name[cell.prompt].retrieves:
                shown.log(
                    f"the server of {name!r} retrieves nothing: it was asked with what its prompt {cell.prompt!r} adds to a record, "
                    "so add that to what you ask"
                )
            with shown.task(f"starting the server of {name!r}"):
                server = _start(execution, step, name, port, folder, stack)
        stack.callback(server.stop)
        template = run.plan.prompt_by_name[cell.prompt].template
        yield ServedCandidate(run.id, name, isinstance(template, ChatTemplate), server)


def _start(
    execution: StepExecution, step: GenerateStep, name: str, port: int, folder: Path, stack: ExitStack
) -> ModelServer:
    model = execution.run.plan.model_by_name[step.model]
    deployer: Deployer = execution.runtime.registry.make("deployer", model.deployer.use, model.deployer.options)
    servable, key = servable_model(execution, step, model)
    _warn_of_other_weights(execution, model, key)
    servable = local_weights(execution, servable, step, stack)
    context = execution.context("deployer", model.deployer.use, folder)
    try:
        return deployer.serve(context, servable, name=name, port=port)
    except SpecError as exc:
        message = f"candidate {name!r} cannot be served here: {exc}"
        raise SpecError(message) from exc


def _find_step(run: Run, candidate: str, dataset: str, seed: int | None) -> GenerateStep:
    """Return the step that asked the candidate."""
    candidates = list(dict.fromkeys(cell.candidate for cell in run.plan.cells))
    if not candidate and len(candidates) == 1:
        (candidate,) = candidates
    if not candidate:
        message = f"name a candidate of run {run.id!r}: {', '.join(candidates)}"
        raise SpecError(message)
    if candidate not in candidates:
        message = f"run {run.id!r} has no candidate {candidate!r}{did_you_mean(candidate, candidates)}"
        raise SpecError(message)
    seeds = dict.fromkeys(cell.seed for cell in run.plan.cells if cell.candidate == candidate)
    check_seed(seed, seeds, f"candidate {candidate!r} of run {run.id!r}")
    cells = {cell.name: cell.dataset for cell in run.plan.cells if (cell.candidate, cell.seed) == (candidate, seed)}
    if dataset and dataset not in cells.values():
        message = f"candidate {candidate!r} of run {run.id!r} has no dataset {dataset!r}{did_you_mean(dataset, cells.values())}"
        raise SpecError(message)
    chosen = {name for name, asked in cells.items() if dataset in ("", asked)}
    asking = [step for step in run.plan.steps if isinstance(step, GenerateStep) and chosen & set(step.cells)]
    steps = {step.train: step for step in asking}.values()  # one for each training, not for each planned look
    if len(steps) > 1:
        names = ", ".join(sorted(set(cells.values())))
        message = f"candidate {candidate!r} was fine-tuned on each of several datasets; choose the dataset: {names}"
        raise SpecError(message)
    (step,) = steps
    return step


def _check_trained(run: Run, step: GenerateStep, candidate: str) -> None:
    record = run.record(step.train) if step.train else None
    if isinstance(record, Failed):
        message = f"candidate {candidate!r} cannot be served: step {step.train!r} failed: {record.error}"
        raise SpecError(message)
    if step.train and record is None:
        resume = resume_command(run.id, run.store.uri)
        message = f"candidate {candidate!r} cannot be served: it is not trained yet; resume the run with: {resume}"
        raise SpecError(message)


def _check_port(port: int) -> None:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((_HOST, port))
        except OSError as exc:
            message = f"port {port} cannot be used: {exc.strerror}; choose another one, or 0 for any that is free"
            raise SpecError(message) from exc


def _warn_of_other_weights(execution: StepExecution, model: PlannedModel, key: str) -> None:
    record = execution.run.record(execution.step)
    asked = record.inputs.get(weights_label(model.name), key) if isinstance(record, Succeeded) else key
    if asked != key:
        execution.runtime.progress.log(
            f"warning: {weights_label(model.name)} have changed since the run: what is served is not what was evaluated"
        )
