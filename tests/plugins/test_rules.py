"""Every card of the shipped plugins keeps the rules that `llmops_sdk.testing.check` holds plugins to."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs
import pytest

from llmops_sdk.plugin import BaseModel, Record, Registry
from llmops_sdk.testing import RULES, CheckInputs, InstantEndpoint, check

Inputs = Mapping[str, CheckInputs]

ACCOUNT = "it needs an account; the tests of the plugin ask an emulated service"
WEIGHTS = "it loads weights; the tests of the plugin train and ask a tiny model"
ASSET = "it loads a classifier or an encoder; the tests of the plugin compare it with FMEval"
ENVIRONMENT = "it runs FMEval in an environment of its own; tests/plugins/fmeval/with_fmeval compares its scores"

LABELED: tuple[Record, ...] = tuple(
    {"instruction": "Is it good?", "context": text, "response": label}
    for text, label in (
        ("Fine work.", "good"),
        ("A waste.", "bad"),
        ("I would buy it again.", "good"),
        ("Broken.", "bad"),
    )
)
CHOICES: tuple[Record, ...] = tuple(
    {"instruction": "Name the capital.", "context": country, "choices": ["Lima", "Quito", "Bogota"], "response": city}
    for country, city in (("Peru", "Lima"), ("Ecuador", "Quito"), ("Colombia", "Bogota"))
)
JSON_RECORDS: tuple[Record, ...] = tuple(
    {"instruction": "Return JSON.", "context": name, "response": json.dumps({"name": name, "total": number})}
    for number, name in enumerate(("Ada", "Bo", "Cy"))
)
CALLS: tuple[Record, ...] = tuple(
    {
        "instruction": "Call it.",
        "context": city,
        "response": json.dumps([{"name": "weather", "arguments": {"city": city}}]),
    }
    for city in ("Lima", "Quito")
)
PAIRS: tuple[Record, ...] = (
    {"instruction": "", "context": "", "sent_more": "He is late again.", "sent_less": "She is late again."},
    {"instruction": "", "context": "", "sent_more": "They are loud.", "sent_less": "We are loud."},
)


def write_lines(path: Path, rows: list[Any]) -> Path:
    """Write a file with a JSON value in each line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    return path


def of_datasets(folder: Path) -> Inputs:
    """Files with twelve questions, in the forms of the cards."""
    rows = [{"instruction": f"Question {n}?", "context": "", "response": f"Answer {n}"} for n in range(12)]
    file = CheckInputs(options={"path": str(write_lines(folder / "rows.jsonl", rows))})
    dolly = write_lines(folder / "dolly.jsonl", [{**row, "category": "summarization"} for row in rows])
    table = folder / "rows.csv"
    table.write_text(
        "instruction,response\n" + "".join(f"Question {n}?,Answer {n}\n" for n in range(12)), encoding="utf-8"
    )
    return {
        "dataset csv": CheckInputs(options={"path": str(table)}),
        "dataset dolly": CheckInputs(options={"path": str(dolly)}),
        "dataset file": file,
        "dataset huggingface": CheckInputs(
            options={"id": "org/data"}, untried="it needs the hub; tests/plugins/datasets/test_hub.py emulates one"
        ),
        "dataset imported": file,
        "dataset jsonl": file,
    }


def of_importers(folder: Path) -> Inputs:
    """A small file of each tool."""
    question, scores = "What is 1?", [{"name": "rouge", "value": 0.25}]
    lm_eval = {
        "doc_id": 1, "doc": {"question": question}, "target": "1", "arguments": [[question, {}]], "resps": [["1"]],
        "filtered_resps": ["1"], "filter": "none", "metrics": ["exact_match"], "doc_hash": "a", "prompt_hash": "b",
        "target_hash": "c", "exact_match": 1.0,
    }  # fmt: skip
    promptfoo = {
        "provider": {"id": "openai:x", "label": "x"}, "prompt": {"raw": question, "label": "q"}, "promptIdx": 0, "testIdx": 0,
        "response": {"output": "1"}, "score": 1, "success": True, "namedScores": {"exact_match": 1.0}, "vars": {"id": 1},
        "testCase": {"vars": {"id": 1}}, "gradingResult": {"pass": True, "score": 1, "reason": "-"}, "failureReason": 0,
    }  # fmt: skip
    fmeval = {"model_input": question, "model_output": "1", "target_output": "1", "category": "n", "scores": scores}
    bedrock = {
        "automatedEvaluationResult": {"scores": [{"metricName": "Accuracy", "result": 0.75}]},
        "inputRecord": {"prompt": question, "referenceResponse": "1"},
        "modelResponses": [{"response": "1", "modelIdentifier": "amazon.titan-text-express-v1"}],
    }
    (folder / "promptfoo.json").write_text(
        json.dumps({"evalId": "e", "results": {"version": 3, "prompts": [], "results": [promptfoo]}, "config": {}})
    )
    (folder / "eval_results_table.json").write_text(
        json.dumps({"columns": ["question", "outputs", "rouge1/v1/score"], "data": [[question, "1", 0.25]]})
    )
    (folder / "scores.csv").write_text("id,question,score\n1,What is 1?,0.5\n2,What is 2?,1\n", encoding="utf-8")
    files = {
        "table": folder / "scores.csv",
        "lm-eval": write_lines(folder / "samples_sums_2026-11-29T12-00-00.000000.jsonl", [lm_eval]),
        "promptfoo": folder / "promptfoo.json",
        "mlflow": folder / "eval_results_table.json",
        "bedrock": write_lines(folder / "datasets" / "sums" / "1_output.jsonl", [bedrock]),
        "fmeval": write_lines(folder / "tuned" / "summarization_accuracy_sums.jsonl", [fmeval]),
    }
    inspect = "it reads archives of Inspect; tests/plugins/importers/test_inspect_log.py has them"
    return {
        "importer inspect": CheckInputs(untried=inspect),
        **{f"importer {name}": CheckInputs(file=file) for name, file in files.items()},
    }


def of_metrics(_folder: Path, judge: str) -> Inputs:
    """Records with what each evaluator scores; those that need weights compare without them."""
    labels = CheckInputs(options={"valid_labels": ["good", "bad"]}, records=LABELED)
    rouge = CheckInputs(options={"metrics": ["rouge1", "rougeL"]})
    schema = {"type": "object", "required": ["name"]}
    return {
        "evaluator choice-likelihood": CheckInputs(records=CHOICES),
        "evaluator classification": CheckInputs(options={"labels": ["good", "bad"]}, records=LABELED),
        "evaluator classification-accuracy": labels,
        "evaluator classification-accuracy-semantic-robustness": labels,
        "evaluator general-semantic-robustness": CheckInputs(options={"metrics": ["word_error_rate"]}),
        "evaluator language": CheckInputs(options={"languages": ["en"]}),
        "evaluator json-fields": CheckInputs(records=JSON_RECORDS),
        "evaluator json-schema": CheckInputs(options={"schema": schema}, records=JSON_RECORDS),
        "evaluator llm-judge": CheckInputs(options={"url": judge}),
        "evaluator multiple-choice": CheckInputs(records=CHOICES),
        "evaluator pairwise-judge": CheckInputs(options={"url": judge}),
        "evaluator prompt-stereotyping": CheckInputs(records=PAIRS),
        "evaluator summarization-accuracy": rouge,
        "evaluator summarization-accuracy-semantic-robustness": rouge,
        "evaluator tool-calls": CheckInputs(records=CALLS),
        "evaluator toxicity": CheckInputs(untried=ASSET),
        "retriever minilm": CheckInputs(
            untried="it loads an encoder; tests/plugins/metrics/bertscore searches with it"
        ),
    }


def of_reporters(folder: Path) -> Inputs:
    """Files that the options name, which they may write."""
    card, tables = folder / "card", folder / "tables"
    return {
        "reporter every-eval-ever": CheckInputs(
            skip=dict.fromkeys(
                ("seed", "child-process"), "its files have the time at which they were written, as the schema asks"
            )
        ),
        "reporter mlflow": CheckInputs(untried="it needs a server; tests/plugins/reporters/mlflow starts one"),
        "reporter model-card": CheckInputs(options={"path": str(card / "card.md")}, writes=(card,)),
        "reporter table": CheckInputs(options={"path": str(tables / "scores.csv")}, writes=(tables,)),
    }


def of_recorded(folder: Path) -> Inputs:
    """Answers to the records that a deployer is asked."""
    rows = [{"instruction": "Name the capital.", "context": name, "output": "Lima"} for name in ("Peru", "Chile")]
    rows.append({"instruction": "Add.", "context": "17 and 25", "output": "42"})
    answers = str(write_lines(folder / "answers.jsonl", rows))
    options = {"path": answers, "answer": "output", "input": "context"}
    records = tuple({"instruction": str(row["context"]), "context": "", "response": "x"} for row in rows)
    return {
        "model recorded": CheckInputs(options=options),
        "deployer recorded": CheckInputs(model=recorded_model(options), records=records),
        "evaluator recorded-scores": CheckInputs(
            options={"metrics": [{"name": "quality"}]}, untried="it scores answers of a file that has scores"
        ),
    }


def recorded_model(options: Mapping[str, Any]) -> BaseModel:
    """The model that options of the card `recorded` name."""
    registry = Registry.load()
    card = registry.offer("model", "recorded").card
    model: BaseModel = registry.options(card, options, "a test").base_model()
    return model


def of_openai(_folder: Path, server: str) -> Inputs:
    """A server on loopback."""
    options = {"base_url": server, "model": "m"}
    card = Registry.load().offer("model", "openai-compatible").card
    model: BaseModel = Registry.load().options(card, options, "a test").base_model()
    return {
        "model openai-compatible": CheckInputs(options=options),
        "deployer openai-compatible": CheckInputs(model=model),
    }


def all_untried(plugin: str, reason: str, options: Mapping[str, Mapping[str, Any]]) -> Inputs:
    """Inputs with which only options are checked. Models are tried: their options name weights, and ask nobody."""
    cards = [offer.card for offer in Registry.load().offers() if offer.plugin.name == plugin]
    names = [f"{card.kind} {card.name}" for card in cards]
    return {
        name: CheckInputs(options=options.get(name, {}), untried="" if name.startswith("model ") else reason)
        for name in names
    }


def of_local(_folder: Path) -> Inputs:
    """The trainer and the deployer load torch."""
    inputs = all_untried("local", WEIGHTS, {"model huggingface": {"weights": "org/model"}})
    return {**inputs, "executor local": CheckInputs()}


OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "model bedrock": {"model": "amazon.nova-lite-v1:0"},
    "model jumpstart": {"model_id": "meta-textgeneration-llama-2-7b"},
    "model existing-endpoint": {"endpoint": "mine"},
    "model llama-2-7b": {"accept_eula": True},
    "model served": {"model": "org/model"},
    "deployer served": {"command": ["server", "--port", "{port}"]},
    "reporter s3": {"uri": "s3://bucket/tables"},
    "evaluator fmeval-classification-accuracy": {"valid_labels": ["good", "bad"]},
    "evaluator fmeval-classification-accuracy-semantic-robustness": {"valid_labels": ["good", "bad"]},
}
"""Options without a default."""


@pytest.fixture(name="server")
def _server() -> Iterator[str]:
    """A server on loopback that answers in OpenAI's form, as a judge."""
    endpoint = InstantEndpoint(lambda prompt: "Better: 1" if "Better: N" in str(prompt) else "Score: 4")
    yield endpoint.url
    endpoint.close()


def inputs_of(plugin: str, folder: Path, server: str) -> Inputs:
    """Return what the cards of a plugin are tried with."""
    makers: dict[str, Callable[[], Inputs]] = {
        "bedrock": lambda: all_untried("bedrock", ACCOUNT, OPTIONS),
        "datasets": lambda: of_datasets(folder),
        "fmeval": lambda: all_untried("fmeval", ENVIRONMENT, OPTIONS),
        "importers": lambda: of_importers(folder),
        "local": lambda: of_local(folder),
        "metrics": lambda: of_metrics(folder, server),
        "openai": lambda: of_openai(folder, server),
        "prompts": lambda: {"prompt template": CheckInputs(options={"prompt": "{instruction} {context}"})},
        "recorded": lambda: of_recorded(folder),
        "reporters": lambda: of_reporters(folder),
        "sagemaker": lambda: all_untried("sagemaker", ACCOUNT, OPTIONS),
        "served": lambda: all_untried("served", "it starts a server; tests/plugins/served starts a stub", OPTIONS),
    }
    return makers[plugin]()


PLUGINS = [
    "bedrock", "datasets", "fmeval", "importers", "local", "metrics", "openai", "prompts", "recorded", "reporters", "sagemaker",
    "served",
]  # fmt: skip


QUICK = ("datasets", "prompts")
"""Plugins that are checked in a few seconds."""


@pytest.mark.parametrize(
    "plugin", [plugin if plugin in QUICK else pytest.param(plugin, marks=pytest.mark.slow) for plugin in PLUGINS]
)
def test_the_cards_of_a_plugin_keep_the_rules(plugin: str, tmp_path: Path, server: str) -> None:
    """Each is checked, and a rule that is not has a reason."""
    inputs = {**inputs_of(plugin, tmp_path, server)}
    for offer in (offer for offer in Registry.load().offers() if offer.plugin.name == plugin):
        if offer.missing:
            name = f"{offer.card.kind} {offer.card.name}"
            one = inputs.get(name, CheckInputs())
            inputs[name] = attrs.evolve(one, untried=one.untried or f"{', '.join(offer.missing)} is not installed")

    report = check(plugin, inputs)

    cards = [offer.card for offer in Registry.load().offers() if offer.plugin.name == plugin]
    assert sorted(f"{card.kind} {card.name}" for card in cards) == sorted(card.card for card in report.cards)
    for card in report.cards:
        assert {"options", "standard-output"} <= set(card.kept), card
        assert all(card.left_out.values())


def test_every_shipped_plugin_is_checked() -> None:
    """A new plugin is added to the list."""
    shipped = {plugin.name for plugin in Registry.load().plugins if plugin.distribution == "llmops-sdk"}

    assert set(PLUGINS) == shipped
    assert all(fix for _, fix in RULES.values())
    assert attrs.has(CheckInputs)
