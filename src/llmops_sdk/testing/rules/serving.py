"""Deployers: an endpoint that answers, and resources that are deleted in whatever state they are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import attrs

from llmops_sdk.data.rendering import prompt_only
from llmops_sdk.errors import RequestError
from llmops_sdk.plugin.cards import DeployerCard, ModelCard
from llmops_sdk.plugin.interfaces import Deployer, RecordTransport, Transport
from llmops_sdk.plugin.isolation import PLUGIN_FAILURES, describe_failure
from llmops_sdk.testing.rules.trial import Trial, show
from llmops_sdk.values.answers import Answer
from llmops_sdk.values.data import Record
from llmops_sdk.values.generation_options import GenerationOptions
from llmops_sdk.values.models import ServableModel
from llmops_sdk.values.prompts import Prompt, TextPrompt
from llmops_sdk.values.resources import Endpoint, Resource

_GENERATION = GenerationOptions(max_new_tokens=16, temperature=0.0)
_ASKED = 3


def given_model(trial: Trial) -> ServableModel:
    """Return the model to train or serve: the one that was given, or that of a model card of the same plugin."""
    if trial.inputs.model is not None:
        return trial.inputs.model
    model = _model_of_the_plugin(trial)
    if model is None:
        reason = "it needs a model, and no model card of its plugin makes one without options; model= gives one"
        trial.stop("inputs", reason)
    return model


def _model_of_the_plugin(trial: Trial) -> ServableModel | None:
    name = trial.card.name
    for card in trial.job.cards:
        if isinstance(card, ModelCard) and name in (card.trainer, card.deployer):
            try:
                return card.options().base_model()
            except Exception:  # noqa: BLE001, S112 - its options have no defaults; another card may do
                continue
    return None


def try_deployer(trial: Trial) -> Any:
    """Deploy, ask, delete twice; return the answers unless two may differ."""
    deployer = trial.make()
    if not isinstance(deployer, Deployer) or not isinstance(trial.card, DeployerCard):
        trial.stop("card", f"its implementation is a {type(deployer).__name__}, not a Deployer")
    model = given_model(trial)
    context = trial.context()
    with trial.rule("interface", "engine"):
        engine = trial.as_json("engine", dict(deployer.engine(context)), dict)
    resources = _resources(trial, deployer, model, context)
    added: list[Resource] = []
    try:
        with trial.rule("interface", "deploy"):
            endpoint = deployer.deploy(attrs.evolve(context, add_resource=added.append), model)
        if not isinstance(endpoint, Endpoint):
            trial.stop("interface", f"deploy returned {show(endpoint)}, no Endpoint")
        trial.as_json("the metadata of the endpoint", dict(endpoint.metadata), dict)
        answers = _ask(trial, deployer, context, endpoint)
    finally:
        delete_twice(trial, lambda resource: deployer.delete(context, resource), [*resources, *added])
    if trial.card.answers_differ == "always":
        trial.leave_out("seed", "two answers of this deployer may differ: its card has answers_differ='always'")
        return {"engine": engine}
    return {"engine": engine, "answers": answers}


def _resources(trial: Trial, deployer: Deployer, model: ServableModel, context: Any) -> list[Resource]:
    with trial.rule("interface", "resources"):
        resources = list(deployer.resources(context, model))
        again = list(deployer.resources(context, model))
    if not all(isinstance(resource, Resource) for resource in resources):
        trial.stop("interface", f"resources returned {show(resources)}, not only Resource")
    if resources != again:
        trial.broken("seed", f"resources were {show(resources)}, then {show(again)}: their names must be known before")
    return resources


def _ask(trial: Trial, deployer: Deployer, context: Any, endpoint: Endpoint) -> list[str]:
    """Ask the records, and an empty prompt; return the outputs."""
    from llmops_sdk.steps.client.http.transport import HttpTransport

    with trial.rule("interface", "connect"):
        transport: Transport = deployer.connect(context, endpoint) or HttpTransport(endpoint)
    records = trial.inputs.records[:_ASKED]
    asked = [(record, prompt_only(trial.inputs.prompt, record)) for record in records]
    try:
        if isinstance(transport, RecordTransport):
            with trial.rule("interface", "match"):
                transport.match(asked)
        outputs = [_answer(trial, transport, index, record, prompt) for index, (record, prompt) in enumerate(asked)]
        if not isinstance(transport, RecordTransport):
            trial.clear_error("empty-input", "an empty prompt", lambda: transport.send(TextPrompt(""), _GENERATION))
        return outputs
    finally:
        transport.close()


def _answer(trial: Trial, transport: Transport, index: int, record: Record, prompt: Prompt) -> str:
    with trial.rule("interface", f"asking {show(prompt)}"):
        try:
            answer = _send(transport, index, record, prompt)
        except RequestError as exc:
            trial.stop("inputs", f"record {index} got no answer: {exc}; records= gives others")
    if not isinstance(answer, Answer):
        trial.stop("interface", f"the transport returned {show(answer)}, no Answer")
    trial.as_json(f"the answer to record {index}", answer)
    return answer.output


def _send(transport: Transport, index: int, record: Record, prompt: Prompt) -> Answer:
    if isinstance(transport, RecordTransport):
        return transport.answer(index, record, prompt)
    return transport.send(prompt, _GENERATION)


def delete_twice(trial: Trial, delete: Callable[[Resource], None], resources: Sequence[Resource]) -> None:
    """Delete each resource twice; note what fails. Without resources there is nothing to delete."""
    if not resources:
        trial.leave_out("delete-twice", "it has no resources")
        return
    trial.keep("delete-twice")
    for time in ("the first time", "the second time"):
        for resource in resources:
            try:
                delete(resource)
            except PLUGIN_FAILURES as exc:
                reason = f"deleting {resource.kind} {resource.name!r} {time} raised {describe_failure(exc)}"
                trial.broken("delete-twice", reason)
