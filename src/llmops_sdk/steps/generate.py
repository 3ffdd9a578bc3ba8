"""The `generate` step: deploy one model, ask every cell that shares it, tear it down."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, closing
from typing import Any

import attrs

from llmops_sdk.errors import EndpointError, RequestError
from llmops_sdk.plugin.interfaces import Deployer, RecordTransport, Transport
from llmops_sdk.record.artifacts import Artifact
from llmops_sdk.record.layout import GENERATIONS, ArtifactLayout
from llmops_sdk.record.lines import journal_line
from llmops_sdk.record.marks import mark_file
from llmops_sdk.record.run import Run
from llmops_sdk.steps.cell.answers import AnswerFiles
from llmops_sdk.steps.cell.questions import QuestionSet, question_sets
from llmops_sdk.steps.cell.tally import Tally
from llmops_sdk.steps.client.client import ask
from llmops_sdk.steps.client.http.transport import HttpTransport
from llmops_sdk.steps.client.patience import Patience
from llmops_sdk.steps.client.rates import Rates
from llmops_sdk.steps.client.throughput import Throughput
from llmops_sdk.steps.execution import StepExecution, StepOutput
from llmops_sdk.steps.load.measure import LoadClient, LoadSet, load_set, measure_load
from llmops_sdk.steps.resources import how_to_remove, managed_resources
from llmops_sdk.steps.spending.budget import metered
from llmops_sdk.steps.spending.meter import Meter
from llmops_sdk.values.answers import Outcome
from llmops_sdk.values.artifacts import GenerationsValue, of_repeat
from llmops_sdk.values.generation_options import GenerationOptions, vary
from llmops_sdk.values.models import BaseModel, ServableModel, TrainedModel
from llmops_sdk.values.plan import Cell, GenerateStep, PlannedModel
from llmops_sdk.values.resources import Endpoint
from llmops_sdk.values.serial import digest, to_json
from llmops_sdk.values.step_records import Failed


def generate(execution: StepExecution, step: GenerateStep) -> StepOutput:
    """Ask the cells whose generations are not complete.

    Raises:
        EndpointError: The endpoint does not start, is gone, or answered no record of a cell.
    """
    plan = execution.run.plan
    model = plan.model_by_name[step.model]
    with ExitStack() as stack:
        servable, weights_key = servable_model(execution, step, model)
        engine = _deployer(execution, model).engine(
            execution.context("deployer", model.deployer.use, execution.runtime.home)
        )
        model_key = digest(weights_key, dict(engine)) if engine else weights_key
        sets = [
            questions
            for cell in prepared_cells(execution.run, step)
            for questions in question_sets(execution, model, cell, model_key, stack)
        ]
        load = load_set(execution, step, model, sets, model_key)
        levels = load.missing(execution) if load else ()
        incomplete = _incomplete(execution, sets)
        complete = {questions.address: questions for questions in sets if questions.address not in incomplete}
        incomplete |= {address: questions for address, questions in complete.items() if not execution.take(address)}
        if incomplete or levels:
            execution.mark_started()
            addresses = {*incomplete, *(load.addresses[level] for level in levels)} if load else {*incomplete}
            execution.run.mark_use(addresses)
            # In one order for all runs: of two that share some of these, one waits, and neither waits for ever.
            for address in sorted(addresses):
                stack.enter_context(execution.claim(address))
            if execution.deletes_earlier:
                execution.delete_earlier(incomplete)
            incomplete = _incomplete(execution, incomplete.values(), reread=True)
            levels = load.missing(execution, reread=True) if load else ()
            for address, questions in incomplete.items():
                execution.delete_withdrawn(address)
                execution.report_damage(address, f"the answers of {questions.title} are", "asked again")
        if incomplete or levels:
            if not incomplete:
                execution.runtime.progress.log(f"{execution.step}: starting the endpoint for the load alone")
            servable = local_weights(execution, servable, step, stack)
            work = _Work(tuple(incomplete.values()), load, levels)
            _deploy_and_ask(execution, model, servable, work, _weights_of(execution, step))
        pending = sum(questions.pending(execution) or 0 for questions in sets)
        pending += len(load.missing(execution)) if load else 0
    artifacts = {
        of_repeat(questions.cell.name, questions.repeat): questions.address
        for questions in sets
        if not questions.probes
    } | (load.artifacts(execution) if load else {})
    inputs = {
        **execution.parts_of("deployer", model.deployer),
        weights_label(model.name): weights_key,
        f"the engine of model {model.name!r}": digest(dict(engine)),
        "the generation options": digest(vary(plan.generation, model.varies).key),
        **{name: value for questions in sets for name, value in questions.inputs.items()},
        **({"the load": load.key} if load else {}),
    }
    return StepOutput(artifacts, cached=not incomplete and not levels, pending=pending, inputs=inputs)


def prepared_cells(run: Run, step: GenerateStep) -> list[Cell]:
    """Return the cells of a `generate` step whose datasets are prepared: one that failed does not stop the others."""
    cells = [run.plan.cell_by_name[name] for name in step.cells]
    return [cell for cell in cells if not isinstance(run.record(f"prepare.{cell.dataset}"), Failed)]


def servable_model(execution: StepExecution, step: GenerateStep, model: PlannedModel) -> tuple[ServableModel, str]:
    """Return the model to deploy, and the key of its weights: of a trained one, its address and its files."""
    if not step.train:
        fingerprint = _deployer(execution, model).fingerprint(
            execution.context("deployer", model.deployer.use, execution.runtime.home), model.base
        )
        return model.base, digest(to_json(model.base), fingerprint)
    artifact = execution.artifact_of(step.train, "model")
    trained: TrainedModel = artifact.read(TrainedModel)
    weights = _weight_files(artifact, trained)
    return trained, digest(artifact.address, weights) if weights else artifact.address


def _weight_files(artifact: Artifact, trained: TrainedModel) -> dict[str, str]:
    """Return the hashes of the files that a trainer left in the store, by their names in the model's folder."""
    prefix = f"{trained.uri}/"
    return {
        name.removeprefix(prefix): mark.sha256 for name, mark in artifact.files.items() if f"{name}/".startswith(prefix)
    }


def _weights_of(execution: StepExecution, step: GenerateStep) -> dict[str, str]:
    """Return the details of a trained model's weights: the hash of its files, or where a service has them, and the base.

    Of a base model, the deployer knows them.
    """
    if not step.train:
        return {}
    artifact = execution.artifact_of(step.train, "model")
    trained: TrainedModel = artifact.read(TrainedModel)
    files = _weight_files(artifact, trained)
    base = {"base weights": trained.base.version} if trained.base.version else {}
    return {"weights": digest(files) if files else trained.uri, **base}


def local_weights(
    execution: StepExecution, servable: ServableModel, step: GenerateStep, stack: ExitStack
) -> ServableModel:
    """Return the model with the weights that a trainer left in the store as files of this machine.

    Args:
        execution: The step being run.
        servable: The model.
        step: The step that asks it.
        stack: Closes what holds the files.
    """
    if isinstance(servable, BaseModel) or "://" in servable.uri:
        return servable
    address = execution.artifact_of(step.train, "model").address
    folder = stack.enter_context(execution.run.artifact_folder(address))
    return attrs.evolve(servable, uri=str(folder / servable.uri))


def weights_label(model: str) -> str:
    """Return what messages and the inputs of a step call the weights of a model."""
    return f"the weights of model {model!r}"


def _incomplete(
    execution: StepExecution, sets: Iterable[QuestionSet], *, reread: bool = False
) -> dict[str, QuestionSet]:
    """Return the sets that are to be asked, by their addresses: evaluators with the same probes share the answers."""
    return {questions.address: questions for questions in sets if questions.pending(execution, reread=reread) != 0}


def _deployer(execution: StepExecution, model: PlannedModel) -> Deployer:
    deployer: Deployer = execution.runtime.registry.make("deployer", model.deployer.use, model.deployer.options)
    return deployer


def _deploy_and_ask(
    execution: StepExecution,
    model: PlannedModel,
    servable: ServableModel,
    work: _Work,
    weights: Mapping[str, str],
) -> None:
    runtime = execution.runtime
    deployer = _deployer(execution, model)
    prices = execution.run.plan.costs.of(model.name)
    with ExitStack() as stack:
        meter = stack.enter_context(metered(execution, prices.price, is_free=prices.asking.by == "nothing"))
        folder = stack.enter_context(execution.run.endpoint_folder(execution.step, runtime.home))
        context = execution.context("deployer", model.deployer.use, folder)
        resources = deployer.resources(context, servable)
        add = stack.enter_context(
            managed_resources(
                execution, resources, lambda resource: deployer.delete(context, resource), keep=deployer.keeps
            )
        )
        with runtime.progress.task(f"{execution.step}: starting the endpoint"):
            endpoint = deployer.deploy(attrs.evolve(context, add_resource=add), servable)
        endpoint = attrs.evolve(endpoint, metadata={**endpoint.metadata, **weights})
        if deployer.keeps:
            kept = f"unless its step failed, it is billed until it is deleted with: {how_to_remove(execution.run.id)}"
            endpoint = attrs.evolve(endpoint, metadata={**endpoint.metadata, "kept": kept})

        def connect(endpoint: Endpoint) -> Transport:
            return deployer.connect(context, endpoint) or HttpTransport(endpoint)

        limits = _Limits(Patience(), Rates.of(endpoint), model.varies, meter)
        with closing(connect(endpoint)) as transport:
            for questions in work.incomplete:
                _ask_cell(execution, transport, questions, endpoint, limits)
        if work.load and work.levels:
            generation = _generation(execution, work.load.questions, limits)
            client = LoadClient(endpoint, connect, generation, limits.rates, meter)
            measure_load(execution, work.load, work.levels, client)


@attrs.frozen
class _Work:
    """What an endpoint is asked, and the numbers of requests in flight with which it is measured."""

    incomplete: tuple[QuestionSet, ...]
    load: LoadSet | None
    levels: tuple[int, ...]


@attrs.frozen
class _Limits:
    """What all cells of one endpoint share, and the exceptions of its model; the meter counts what is spent."""

    patience: Patience
    rates: Rates | None
    varies: Mapping[str, Any]
    meter: Meter


def _ask_cell(
    execution: StepExecution, transport: Transport, questions: QuestionSet, endpoint: Endpoint, limits: _Limits
) -> None:
    files = AnswerFiles(execution.run.store, ArtifactLayout(questions.address), questions.total, questions.due)
    settled = files.settled()
    remaining = (
        question
        for question in questions.questions()
        if questions.is_due(question.index) and not settled[question.index]
    )
    generation = _generation(execution, questions, limits)
    throughput, tally = Throughput(), Tally(generation.response_format)
    if isinstance(transport, RecordTransport) and not questions.probes:
        asked = (
            (question.record, question.prompt) for question in questions.questions() if question.record is not None
        )
        endpoint = attrs.evolve(endpoint, metadata={**endpoint.metadata, **transport.match(asked)})
    title = f"{execution.step}: asking {questions.title}"
    with (
        files.open_journal() as journal,
        execution.runtime.progress.task(title, questions.total - questions.not_asked, "records") as task,
    ):
        task.update(sum(known for index, known in enumerate(settled) if questions.is_due(index)))
        outcomes = ask(
            transport,
            limits.meter.affordable(remaining),
            generation,
            concurrency=endpoint.concurrency,
            patience=limits.patience,
            rates=limits.rates,
            opens_reasoning=endpoint.opens_reasoning,
        )
        for outcome in _with_hints(outcomes, questions.cell):
            journal.write(journal_line(outcome))
            tally.count(outcome)
            limits.meter.count(outcome)
            if not isinstance(transport, RecordTransport):  # how fast a file is read is nobody's speed
                throughput.count(outcome)
            task.advance(**throughput.progress())
    if not questions.probes:
        for notice in tally.notices():
            execution.runtime.progress.log(f"warning: {questions.title}: {notice}")
    limits.meter.check(questions.cell.label)
    _finish(execution, questions, files, endpoint, throughput, limits.meter.lap())


def _with_hints(outcomes: Iterator[Outcome], cell: Cell) -> Iterator[Outcome]:
    """Yield outcomes; an error that a model's exceptions would prevent names what to write.

    Raises:
        EndpointError: The model does not support a parameter, or the endpoint refuses everything.
    """
    try:
        yield from outcomes
    except RequestError as exc:
        message = f"{cell.label}: {exc}{_how_to_vary(exc.parameter, cell.model)}"
        raise EndpointError(message) from exc


def _how_to_vary(parameter: str, model: str) -> str:
    if not parameter:
        return ""
    renamed = {"max_tokens": "max_completion_tokens", "max_completion_tokens": "max_tokens"}
    if parameter in renamed:
        return (
            f"; write `varies: {{max_tokens_field: {renamed[parameter]}}}` for model {model!r}, which renames the field"
        )
    return f"; write `varies: {{{parameter}: null}}` for model {model!r}, which leaves it out of its requests"


def _generation(execution: StepExecution, questions: QuestionSet, limits: _Limits) -> GenerationOptions:
    options = execution.run.plan.generation
    stop = tuple(dict.fromkeys((*questions.template.stop, *options.stop)))
    return vary(attrs.evolve(options, stop=stop), limits.varies).repeat(questions.repeat)


def _finish(
    execution: StepExecution,
    questions: QuestionSet,
    files: AnswerFiles,
    endpoint: Endpoint,
    throughput: Throughput,
    seconds: float,
) -> None:
    """Put the journal into the questions' order, and mark the artifact as finished, with its pending questions.

    The step holds the artifact's lock.
    """
    store, home = execution.run.store, execution.runtime.home
    earlier = execution.run.artifact(questions.address)
    before: GenerationsValue | None = earlier.read(GenerationsValue) if earlier else None
    not_asked = min(questions.not_asked, before.not_asked if before else questions.not_asked)
    endpoint_seconds = seconds + ((before.endpoint_seconds if before else None) or 0.0)
    with store.workspace(files.layout.final, home) as folder:
        summary = files.write_ordered(folder)
        marks = {f"final/{GENERATIONS}": mark_file(folder / GENERATIONS, summary.sha256)}
    if summary.answered == 0 and not questions.probes:
        files.delete_journal()  # an endpoint that refuses everything may answer once it is fixed
        cell = questions.cell
        message = f"{cell.label}: no record was answered: {summary.error}"
        raise EndpointError(message)
    value = GenerationsValue(
        records=questions.total,
        answered=summary.answered,
        pending=summary.pending,
        sha256=summary.sha256,
        concurrency=endpoint.concurrency,
        seconds=throughput.seconds,
        output_tokens=throughput.output_tokens,
        endpoint=dict(endpoint.metadata),
        not_asked=not_asked,
        endpoint_seconds=endpoint_seconds or None,
    )
    execution.run.finish_artifact(questions.address, value, marks)
    if summary.pending == 0 and not_asked == 0:
        files.delete_journal()
