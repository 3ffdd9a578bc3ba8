"""The `generate` step: deploy one model, ask every cell that shares it, tear it down.

What a cell was asked and answered is a journal below its artifact, in the order the answers came; at the end it is put
into the test split's order as `generations.jsonl`. A killed step goes on with the records the journal does not have.
The probes of evaluators are asked after them, in the same way.
"""

from __future__ import annotations

import json
import secrets
import time
from array import array
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import attrs

from llmops_sdk.data.rendering import prompt_only
from llmops_sdk.errors import EndpointError
from llmops_sdk.plugin.context import Context
from llmops_sdk.plugin.interfaces import Deployer, Transport
from llmops_sdk.record.layout import ArtifactLayout
from llmops_sdk.steps.client.client import Answered, Asked, Question, Unanswered, ask
from llmops_sdk.steps.client.http import HttpTransport
from llmops_sdk.steps.job import Job, Made
from llmops_sdk.steps.probes import probers
from llmops_sdk.steps.resources import how_to_remove, managed_resources
from llmops_sdk.values.generations import GenerationOptions
from llmops_sdk.values.models import BaseModel, ServableModel, TrainedModel
from llmops_sdk.values.plan import Cell, GenerateStep, Plan, PlannedModel
from llmops_sdk.values.prompts import PromptTemplate
from llmops_sdk.values.resources import Endpoint
from llmops_sdk.values.serial import canonical, digest, file_sha256, from_json, to_json


@attrs.frozen
class Generations:
    """What a cell's generations artifact holds, beside `generations.jsonl`; that of its probes is alike.

    Attributes:
        records: Test records.
        answered: Those the endpoint answered.
        pending: Those that failed in a way that another attempt may mend; a later run asks them again.
        sha256: Of `generations.jsonl`.
        concurrency: Requests in flight at a time.
        seconds: Wall time of the asking in the last attempt.
        output_tokens: Of the last attempt, or None where the endpoint does not count them.
        endpoint: Facts of the endpoint.
    """

    records: int
    answered: int
    pending: int
    sha256: str
    concurrency: int
    seconds: float
    output_tokens: int | None
    endpoint: dict[str, str]


@attrs.frozen
class _Work:
    """Questions to one cell: its test records, or an evaluator's probes of them.

    Attributes:
        cell: The cell.
        title: How the progress calls it.
        address: Of the artifact with the answers.
        total: How many questions.
        questions: Yields them.
        template: The cell's prompt template; its stop strings end every answer.
        probes: Whether they are probes, which may all fail without failing the cell.
    """

    cell: Cell
    title: str
    address: str
    total: int
    questions: Callable[[], Iterator[Question]]
    template: PromptTemplate
    probes: bool = False


def generate(job: Job, step: GenerateStep) -> Made:
    """Ask the cells whose generations are not whole yet."""
    plan = job.run.plan
    model = plan.model_by_name[step.model]
    deployer: Deployer = job.runtime.registry.make("deployer", model.deployer.use, model.deployer.options)
    with ExitStack() as stack:
        servable, weights_key = _servable(job, step, model, deployer)
        works = [
            work
            for name in step.cells
            for work in _works(job, plan, model, plan.cell_by_name[name], weights_key, stack)
        ]
        todo = [work for work in works if not _is_whole(job, work)]
        if todo:
            job.mark_started()
            # One lock for all of it: two runs of one pipeline must not deploy the same model at the same time.
            together = digest(weights_key, sorted(work.address for work in todo))
            stack.enter_context(job.claim(f"generations/{together}"))
            todo = [work for work in todo if not _is_whole(job, work)]
        if todo:
            _deploy_and_ask(job, deployer, _lend(job, servable, weights_key, stack), todo)
    return Made({work.cell.name: work.address for work in works if not work.probes}, cached=not todo)


def _servable(job: Job, step: GenerateStep, model: PlannedModel, deployer: Deployer) -> tuple[ServableModel, str]:
    """Return the model to deploy, and what its generations are keyed by: the address of a trained one."""
    if not step.train:
        fingerprint = deployer.fingerprint(job.context(job.runtime.home), model.base)
        return model.base, digest(to_json(model.base), fingerprint)
    artifact = job.made_by(step.train, "model")
    trained: TrainedModel = from_json(artifact.value, TrainedModel)
    return trained, artifact.address


def _lend(job: Job, servable: ServableModel, address: str, stack: ExitStack) -> ServableModel:
    """Lend the weights that a trainer left in the store as files of this machine, now that they are needed."""
    if isinstance(servable, BaseModel) or "://" in servable.uri:
        return servable
    folder = stack.enter_context(job.run.artifact_folder(address))
    return attrs.evolve(servable, uri=str(folder / servable.uri))


def _works(
    job: Job, plan: Plan, model: PlannedModel, cell: Cell, weights_key: str, stack: ExitStack
) -> Iterator[_Work]:
    """Yield what a cell is asked: its records, then the probes of each evaluator that has some."""
    splits = stack.enter_context(job.splits(cell.dataset))
    prompt = plan.prompt_by_name[cell.prompt]
    test, template = splits.test, prompt.template
    key = digest(weights_key, model.deployer.key, prompt.key, test.sha256, to_json(plan.generation))
    generations = f"generations/{key}"

    def questions() -> Iterator[Question]:
        for index, record in enumerate(test):
            yield Question(index, prompt_only(template, record))

    yield _Work(cell, cell.name, generations, test.records, questions, template)
    for prober in probers(job, test, template).values():
        asked = prober.probe_set()
        if asked.total:
            title = f"{cell.name}, probes of {prober.name}"
            address = asked.address(generations)
            yield _Work(cell, title, address, asked.total, prober.questions, template, probes=True)


def _is_whole(job: Job, work: _Work) -> bool:
    found = job.run.artifact(work.address)
    return found is not None and found.value["pending"] == 0


def _deploy_and_ask(job: Job, deployer: Deployer, servable: ServableModel, todo: list[_Work]) -> None:
    with ExitStack() as stack:
        logs = stack.enter_context(job.run.endpoint_folder(job.step, job.runtime.home))
        context: Context = job.context(logs)
        resources = deployer.resources(context, servable)
        stack.enter_context(
            managed_resources(job, resources, lambda resource: deployer.delete(context, resource), keep=deployer.keeps)
        )
        with job.runtime.progress.task(f"{job.step}: starting the endpoint"):
            endpoint = deployer.deploy(context, servable)
        if deployer.keeps:
            kept = f"unless its step failed, it costs until it is removed with: {how_to_remove(job.run.id)}"
            endpoint = attrs.evolve(endpoint, metadata={**endpoint.metadata, "kept": kept})
        transport = deployer.connect(context, endpoint) or HttpTransport(endpoint)
        try:
            for work in todo:
                _ask_cell(job, transport, work, endpoint)
        finally:
            transport.close()


def _ask_cell(job: Job, transport: Transport, work: _Work, endpoint: Endpoint) -> None:
    plan, store = job.run.plan, job.run.store
    segments = ArtifactLayout(work.address).segments
    done = bytearray(work.total)
    for line in store.read_lines(segments):
        outcome = json.loads(line)
        done[outcome["index"]] = "output" in outcome or outcome["permanent"]
    pending = (question for question in work.questions() if not done[question.index])
    generation = _with_stops(plan.generation, work.template)
    attempt = f"{time.time_ns():020d}-{secrets.token_hex(2)}"
    asked = Asked()
    with (
        store.journal(segments, attempt) as journal,
        job.runtime.progress.task(f"{job.step}: asking {work.title}", work.total, "records") as task,
    ):
        task.update(sum(done))
        for outcome in ask(transport, pending, generation, concurrency=endpoint.concurrency):
            journal.write(canonical(outcome_json(outcome)) + b"\n")
            asked.count(outcome)
            task.advance(**asked.metadata())
    _finish(job, work, endpoint, asked)


def _with_stops(generation: GenerationOptions, template: PromptTemplate) -> GenerationOptions:
    return attrs.evolve(generation, stop=tuple(dict.fromkeys((*template.stop, *generation.stop))))


def outcome_json(outcome: Answered | Unanswered) -> dict[str, Any]:
    """Return a journal line's JSON: an answer has `output`, a failure `error`; None and empty fields are left out."""
    data: dict[str, Any] = to_json(outcome)
    return {name: value for name, value in data.items() if value is not None and value != ""} | (
        {"output": outcome.output} if isinstance(outcome, Answered) else {}
    )


def _finish(job: Job, work: _Work, endpoint: Endpoint, asked: Asked) -> None:
    """Put the journal into the split's order, and mark the artifact: whole, or with records pending."""
    store, layout = job.run.store, ArtifactLayout(work.address)
    total = work.total
    with job.claim(work.address), store.workspace(layout.final, job.runtime.home) as folder:
        path = folder / "generations.jsonl"
        summary = _order(store.read_lines(layout.segments), path, total)
        sha256 = file_sha256(path)
    if summary.answered == 0 and not work.probes:
        store.delete(f"{layout.segments}/")  # whoever refuses all may answer them when it is mended
        message = f"cell {work.cell.name!r}: no record was answered: {summary.error}"
        raise EndpointError(message)
    made = Generations(
        records=total,
        answered=summary.answered,
        pending=summary.pending,
        sha256=sha256,
        concurrency=endpoint.concurrency,
        seconds=asked.seconds,
        output_tokens=asked.output_tokens,
        endpoint=dict(endpoint.metadata),
    )
    job.run.finish_artifact(work.address, to_json(made))
    if summary.pending == 0:
        store.delete(f"{layout.segments}/")


@attrs.define
class _Summary:
    answered: int = 0
    pending: int = 0
    error: str = ""


def _order(lines: Iterator[bytes], path: Path, total: int) -> _Summary:
    """Write the newest outcome of each record in order; keeps one offset (8 bytes) a record, not the lines."""
    unordered = path.with_suffix(".unordered")
    offsets = array("q", [-1]) * total
    answered = bytearray(total)
    with unordered.open("wb") as out:
        for line in lines:
            outcome = json.loads(line)
            if not answered[outcome["index"]]:  # an answer is never replaced by a later failure
                offsets[outcome["index"]] = out.tell()
                answered[outcome["index"]] = "output" in outcome
                out.write(line)
    summary = _Summary(answered=sum(answered))
    draft = path.with_suffix(".tmp")
    with unordered.open("rb") as source, draft.open("wb") as out:
        for offset in offsets:
            source.seek(offset)
            line = source.readline()
            out.write(line)
            if b'"output":' not in line:
                outcome = json.loads(line)
                summary.pending += "output" not in outcome and not outcome["permanent"]
                summary.error = summary.error or outcome.get("error", "")
    draft.replace(path)
    unordered.unlink()
    return summary
