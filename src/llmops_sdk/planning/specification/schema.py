"""The JSON schema (draft 2020-12) of specification files, with the options of the plugins that are installed."""

from __future__ import annotations

import types
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import attrs

from llmops_sdk.planning.specification import retrieval
from llmops_sdk.planning.specification.spec import FEWEST_LOOKS, MOST_LOOKS, SEEDS, RetentionSpec, StopEarly
from llmops_sdk.plugin.cards import Card, CardKind, DeployerCard, ModelCard
from llmops_sdk.plugin.functions.cards import KIND_OF
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.values.generation_options import MAX_TOKENS_FIELD, REPEATS, GenerationOptions
from llmops_sdk.values.load import DEFAULT_REQUESTS, MOST_AT_A_TIME, MOST_REQUESTS
from llmops_sdk.values.secrets import Secret
from llmops_sdk.values.serial import to_json

_SCALARS = {str: "string", bool: "boolean", int: "integer", float: "number", Path: "string", Secret: "string"}

_SEEDS = {
    "type": "array",
    "items": {"type": "integer", "minimum": 0},
    "minItems": 2,
    "uniqueItems": True,
    "description": "the seeds of as many trainings, which the verdict takes as one candidate; in place of seed",
}


_CONDITION = {
    "type": "object",
    "properties": {
        "not_worse_than": {"type": "string", "description": "a candidate of the run, or a baseline file"},
        "margin": {
            "type": "number",
            "exclusiveMinimum": 0,
            "description": "the difference that does not matter, in the metric's unit",
        },
        "at_least": {"type": "number", "description": "what the lower end of the interval must reach"},
        "at_most": {"type": "number", "description": "what the upper end of the interval must not exceed"},
        "dataset": {"type": "string", "description": "the dataset that it is checked on; default: each"},
    },
}

_GATE = {
    "type": "object",
    "minProperties": 1,
    "description": "what must hold for a candidate to be shipped: a metric, latency_p95, failed_answers, retention, equivalent or"
    " cost_per_1000 to conditions",
    "properties": {
        "candidate": {
            "type": "string",
            "description": "the candidate; default: the only one, or the best by the verdict",
        },
        "varies": {
            "type": "array",
            "items": {"enum": ["data", "prompt", "generation", "evaluators"]},
            "description": "what may differ between the run and a baseline file",
        },
        "retention": {
            "type": "object",
            "description": "a tuned candidate is no worse than its base on the dataset of retention",
            "properties": {
                "margin": {
                    "type": "number",
                    "exclusiveMinimum": 0,
                    "description": "the loss that does not matter, in the metric's unit",
                },
                "dataset": {"type": "string", "description": "the dataset that the candidate is trained on"},
            },
            "required": ["margin"],
            "additionalProperties": False,
        },
        "equivalent": {
            "type": "object",
            "description": "a form of serve_as is equivalent to the first one, or all are if it is the first one",
            "properties": {
                "margin": {
                    "type": "number",
                    "exclusiveMinimum": 0,
                    "description": "the difference that does not matter, in the unit of the metric that decides",
                },
                "dataset": {"type": "string", "description": "the dataset that it is checked on; default: each"},
            },
            "required": ["margin"],
            "additionalProperties": False,
        },
    },
    "additionalProperties": {"anyOf": [_CONDITION, {"type": "array", "items": _CONDITION}]},
}


_COSTS = {
    "prices": {"type": "string", "description": "a file with prices of your own, in US dollars"},
    "traffic": {
        "type": "object",
        "description": "what the candidates will be asked once they are used",
        "properties": {
            "requests_per_day": {"type": "number", "exclusiveMinimum": 0},
            "hours": {
                "type": "number",
                "exclusiveMinimum": 0,
                "maximum": 24,
                "default": 24,
                "description": "the hours of a day that a machine billed by the hour is up for it",
            },
        },
        "required": ["requests_per_day"],
        "additionalProperties": False,
    },
    "budget": {
        "type": "object",
        "description": "the most that a run may cost",
        "properties": {"usd": {"type": "number", "exclusiveMinimum": 0, "description": "in US dollars"}},
        "required": ["usd"],
        "additionalProperties": False,
    },
}


_LOAD = {
    "type": "object",
    "description": "measures the endpoint of each model under load, apart from the answers of the test",
    "properties": {
        "concurrency": {
            "type": "array",
            "items": {"type": "integer", "minimum": 1, "maximum": MOST_AT_A_TIME},
            "minItems": 1,
            "uniqueItems": True,
            "description": "the numbers of requests in flight, each measured on its own",
        },
        "requests": {
            "type": "integer",
            "minimum": 1,
            "maximum": MOST_REQUESTS,
            "default": DEFAULT_REQUESTS,
            "description": "how many requests are sent with each",
        },
    },
    "required": ["concurrency"],
    "additionalProperties": False,
}


def specification_schema(registry: Registry) -> dict[str, Any]:
    """Return the schema, for editors: the names of all cards, and the options of each."""
    trainers = _override(registry, "trainer")
    trainers["properties"] |= {SEEDS: _SEEDS}
    deployers = _override(registry, "deployer")
    own = {
        "name": {"type": "string"},
        "fine_tune": {"type": "boolean", "description": "true fine-tunes the model; false evaluates it as it is"},
        "train_on": {"type": "string", "description": "the dataset to fine-tune on"},
        "prompts": {
            "type": "array",
            "items": {"type": "string"},
            "minItems": 1,
            "uniqueItems": True,
            "description": "the prompts that it is asked with, by their names; default: all of the pipeline",
        },
        "train_prompt": {
            "type": "string",
            "description": "the prompt to fine-tune with; default: each that it is asked with",
        },
        "trainer": trainers,
        "deployer": deployers,
        "varies": {
            "type": "object",
            "description": "this model's exceptions from the generation options; null leaves an option out of its requests",
            "properties": {
                **{name: {} for name in _options(GenerationOptions, {})["properties"] if name != REPEATS},
                MAX_TOKENS_FIELD: {"type": "string", "description": "such as max_completion_tokens"},
            },
            "additionalProperties": False,
        },
        "serve_as": _serve_as(registry, deployers),
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "llmops-sdk pipeline",
        "type": "object",
        "additionalProperties": False,
        "required": ["models"],
        "properties": {
            "name": {"type": "string", "description": "the name that the run ids start with"},
            "datasets": _list(registry, "dataset", {"name": {"type": "string"}}),
            "prompts": _list(registry, "prompt", {"name": {"type": "string"}, **retrieval.SCHEMAS}),
            "models": {**_list(registry, "model", own), "minItems": 1},
            "trainer": trainers,
            "deployer": deployers,
            "generation": _options(GenerationOptions, {}),
            "evaluators": _list(registry, "evaluator", {"name": {"type": "string"}}),
            "reporters": _list(registry, "reporter", {"name": {"type": "string"}}),
            "decide_by": {"type": "string", "description": "the metric that decides"},
            "baseline": {"type": "string", "description": "a candidate that the others must not be worse than"},
            "margin": {
                "type": "number",
                "exclusiveMinimum": 0,
                "description": "the difference from the baseline that does not matter, in the metric's unit",
            },
            "weights": {
                "type": "object",
                "additionalProperties": {"type": "number", "exclusiveMinimum": 0},
                "description": "how much each dataset counts in a verdict over all of them",
            },
            "noise_floor": {
                "type": "boolean",
                "default": False,
                "description": "true asks the baseline, or the first base model, twice and compares it with itself",
            },
            "stop_early": {
                "type": "object",
                "description": "compares the candidates at planned looks; those that are worse are asked no more",
                "properties": {
                    "looks": {
                        "type": "integer",
                        "minimum": FEWEST_LOOKS,
                        "maximum": MOST_LOOKS,
                        "default": StopEarly().looks,
                        "description": "the number of looks, the one at all records included",
                    }
                },
                "additionalProperties": False,
            },
            "retention": _retention(registry),
            "gate": _GATE,
            **_COSTS,
            "load": _LOAD,
            "executor": _item(registry, "executor", {}),
            "settings": {"type": "object", "additionalProperties": {"type": "object"}},
        },
    }


def _serve_as(registry: Registry, deployers: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of the forms of a model: a list, or a mapping with it and a margin."""
    cards = [offer.card for offer in registry.offers("deployer")]
    names = sorted({name for card in cards if isinstance(card, DeployerCard) for name in card.forms})
    form = {
        "type": "object",
        "properties": {
            "form": {"type": "string", "description": "one of a deployer, or a name of your own for a deployer"},
            "deployer": deployers,
        },
        "required": ["form"],
        "additionalProperties": False,
    }
    forms = {"type": "array", "minItems": 2, "items": {"anyOf": [{"enum": names}, form]}}
    margin = {
        "type": "number",
        "exclusiveMinimum": 0,
        "description": "the difference that does not matter, in the metric's unit; default: 5 % of its range",
    }
    return {
        "description": "the forms in which the same weights are served, the reference first: did export or serving change it?",
        "anyOf": [
            forms,
            {
                "type": "object",
                "properties": {"forms": forms, "margin": margin},
                "required": ["forms"],
                "additionalProperties": False,
            },
        ],
    }


def _retention(registry: Registry) -> dict[str, Any]:
    """Return the schema of a dataset with two keys of its own; without `use` it is the bundled one."""
    own = {
        "name": {"type": "string"},
        "decide_by": {"type": "string", "description": "the metric that decides there; default: decide_by"},
        "margin": {
            "type": "number",
            "exclusiveMinimum": 0,
            "description": "the loss that does not matter, in the metric's unit; default: 5 % of its range",
        },
    }
    item = _item(registry, "dataset", own)
    default = RetentionSpec().dataset.use
    cards = [offer.card for offer in registry.offers("dataset") if offer.card.name == default]
    bundled = [_options(card.options, own) for card in cards]
    return {
        "description": "a second dataset that tuned candidates and their bases are asked about: what did fine-tuning break?",
        "anyOf": [*item["anyOf"], *bundled],
    }


def _list(registry: Registry, kind: CardKind, own: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": _item(registry, kind, own)}


def _item(registry: Registry, kind: CardKind, own: Mapping[str, Any]) -> dict[str, Any]:
    cards = [offer.card for offer in registry.offers(kind)]
    models = [card for card in cards if isinstance(card, ModelCard) and card.short_forms]
    return {
        "anyOf": [
            {"enum": [card.name for card in cards]},
            *({"type": "string", "pattern": _short_form(card)} for card in models),
            *(_with_options(registry, card, {"use": {"const": card.name}, **own}) for card in cards),
            *(
                _with_options(registry, card, {"use": {"pattern": _short_form(card)}, **own}, ("model",))
                for card in models
            ),
            *(_functions(own) if kind in KIND_OF and kind != "deployer" else ()),
        ]
    }


def _functions(own: Mapping[str, Any]) -> tuple[dict[str, Any], ...]:
    """Return the schemas of a function of a file: its options are known where its file is."""
    use = {"type": "string", "pattern": r"\.py:[^:]+$", "description": "a function of your own file: ./file.py:name"}
    return use, {"type": "object", "properties": {"use": use, **own}, "required": ["use"]}


def _short_form(card: ModelCard) -> str:
    return f"^({'|'.join(card.short_forms)})/."


def _with_options(
    registry: Registry, card: Card, own: Mapping[str, Any], left_out: Collection[str] = ()
) -> dict[str, Any]:
    """Return the schema of a card with options, a hosted model's with those of its deployer.

    Args:
        registry: The plugins.
        card: The card.
        own: The schemas of what is no option.
        left_out: Options that are given in another way.
    """
    schema = _options(card.options, own)
    required = ["use", *(name for name in schema.get("required", []) if name not in left_out)]
    properties = {name: value for name, value in schema["properties"].items() if name not in left_out}
    if isinstance(card, ModelCard) and not card.trainer:
        deployers = [offer.card for offer in registry.offers("deployer") if offer.card.name == card.deployer]
        for deployer in deployers:
            properties = {**_options(deployer.options, {})["properties"], **properties}
    return {**schema, "properties": properties, "required": required, "description": card.summary}


def _override(registry: Registry, kind: CardKind) -> dict[str, Any]:
    properties: dict[str, Any] = {"use": {"enum": [offer.card.name for offer in registry.offers(kind)]}}
    for offer in registry.offers(kind):
        properties.update(_options(offer.card.options, {})["properties"])
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _options(options: type, own: Mapping[str, Any]) -> dict[str, Any]:
    hints = get_type_hints(options)
    properties: dict[str, Any] = dict(own)
    required = []
    for field in attrs.fields(options):
        properties[field.name] = {**type_schema(hints[field.name]), **_details(field)}
        if field.default is attrs.NOTHING:
            required.append(field.name)
    schema: dict[str, Any] = {"type": "object", "properties": properties, "additionalProperties": False}
    return {**schema, "required": required} if required else schema


def _details(field: Any) -> dict[str, Any]:
    """Return the description and the default of an option."""
    details = {"description": field.metadata["help"]} if field.metadata.get("help") else {}
    if field.default is not attrs.NOTHING and not isinstance(field.default, attrs.Factory):  # type: ignore[arg-type]
        details["default"] = to_json(field.default)
    return details


def type_schema(hint: Any) -> dict[str, Any]:  # noqa: PLR0911 - one for each kind of type
    """Return the JSON schema of an option's type."""
    if hint in _SCALARS:
        return {"type": _SCALARS[hint]}
    origin, members = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        if type(None) in members:
            return {
                "anyOf": [*(type_schema(member) for member in members if member is not type(None)), {"type": "null"}]
            }
        return {"anyOf": [type_schema(member) for member in members]}
    if origin is tuple or origin is list:
        return {"type": "array", "items": type_schema(members[0])}
    if origin is Literal:
        return {"enum": list(members)}
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {"type": "object", "additionalProperties": type_schema(members[1])}
    return {}
