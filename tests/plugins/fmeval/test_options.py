"""The cards, their options, and what the interpreter must have."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import attrs
import pytest

from llmops_plugins.fmeval import checks, hooks, interpreter, options
from llmops_plugins.metrics.bertscore.options import BERTSCORE_LAYERS
from llmops_sdk import SpecError
from llmops_sdk.plugin import Finding, install_hint
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.testing import make_context

NAMES = [card.name for card in hooks.llmops_cards()]
_CALLED = {"use_stemmer_for_rouge": "use_stemmer", "target_output_delimiter": "delimiter"}


@pytest.fixture(autouse=True)
def _ask_again() -> Iterator[None]:
    """What is known of interpreters is kept for a process; each test asks anew."""
    interpreter.problem_with.cache_clear()
    yield
    interpreter.problem_with.cache_clear()


@pytest.fixture
def registry() -> Registry:
    made = Registry()
    made.add("fmeval", hooks, distribution="llmops-sdk")
    return made


@pytest.fixture
def _fmeval(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if FMEval were installed."""
    monkeypatch.setattr(interpreter, "version", lambda _name: interpreter.FMEVAL)


def _python(folder: Path, says: str) -> str:
    """Return a program that answers as an interpreter would."""
    program = folder / "python"
    program.write_text(f"#!/bin/sh\n{says}\n")
    program.chmod(0o755)
    return str(program)


@pytest.mark.usefixtures("_fmeval")
@pytest.mark.parametrize("name", NAMES)
def test_evaluators_are_made_from_their_cards(registry: Registry, name: str) -> None:
    """With all defaults; every metric says that FMEval computed it, and no two evaluators give the same one."""
    assert registry.plugins[0].problem == ""
    own = [metric.name for metric in registry.make("evaluator", name, {}).metrics]
    others = [m.name for other in NAMES if other != name for m in registry.make("evaluator", other, {}).metrics]

    assert own
    assert all(metric.startswith("fmeval_") for metric in own)
    assert not set(own) & set(others)


@pytest.mark.usefixtures("_fmeval")
@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("fmeval-summarization-accuracy", {"rouge_type": "rougeLsum"}, "rouge_type"),
        ("fmeval-summarization-accuracy", {"bertscore_model": "some/encoder"}, "bertscore_layers is needed"),
        (
            "fmeval-summarization-accuracy",
            {"bertscore_model": "roberta-large-mnli", "bertscore_layers": 24},
            "FMEval uses layer 19 of its encoder 'roberta-large-mnli'",
        ),
        ("fmeval-qa-accuracy", {"delimiter": ""}, "delimiter"),
        ("fmeval-factual-knowledge", {"logical_operator": "XOR"}, "logical_operator"),
        ("fmeval-factual-knowledge", {"logical_operator": "AND"}, "contradict each other"),
        ("fmeval-classification-accuracy", {"valid_labels": ["very good"]}, "a label is one word"),
        ("fmeval-classification-accuracy", {"multiclass_average_strategy": "mean"}, "multiclass_average_strategy"),
        ("fmeval-toxicity", {"model_type": "perspective"}, "model_type"),
        ("fmeval-general-semantic-robustness", {"num_baseline_samples": 1}, "num_baseline_samples is 0, or at least 2"),
        ("fmeval-qa-accuracy-semantic-robustness", {"perturbation_type": "typo"}, "perturbation_type"),
        ("fmeval-qa-accuracy-semantic-robustness", {"whitespace_add_prob": 1.5}, "whitespace_add_prob"),
        ("fmeval-qa-accuracy", {"workers": 0}, "workers"),
        ("fmeval-qa-accuracy", {"python": "/no/such/python"}, "is not a program"),
    ],
)
def test_options_that_cannot_be_meant_are_refused(
    registry: Registry, name: str, given: dict[str, Any], message: str
) -> None:
    """When the pipeline is built, with the reason."""
    with pytest.raises(SpecError, match=message):
        registry.make("evaluator", name, given)


def _defaults(module: str, name: str) -> dict[str, Any]:
    """Return the literal defaults of one of FMEval's configurations, read from its source: importing it takes 10 s."""
    found = find_spec("fmeval")
    assert found is not None
    assert found.submodule_search_locations
    source = Path(found.submodule_search_locations[0], "eval_algorithms", f"{module}.py").read_text(encoding="utf-8")
    (made,) = (
        part for part in ast.parse(source).body if isinstance(part, ast.ClassDef) and part.name == f"{name}Config"
    )
    return {
        line.target.id: line.value.value
        for line in made.body
        if isinstance(line, ast.AnnAssign)
        and isinstance(line.target, ast.Name)
        and isinstance(line.value, ast.Constant)
    }


def _perturbation_names() -> list[str]:
    return list(options.PerturbationOptions(python=sys.executable).perturbation())


@pytest.mark.usefixtures("needs_fmeval")
def test_defaults_are_fmevals() -> None:
    """Those of its configurations; what the metrics plugin calls otherwise is under that name."""
    changes = _defaults("semantic_robustness_utils", "SemanticRobustness")
    ours = {field.name: field.default for field in attrs.fields(options.PerturbationOptions)}
    assert {name: ours[name] for name in changes} == changes
    assert {*changes, "perturbation_type"} == set(_perturbation_names())

    for module, name, made, called in [
        ("summarization_accuracy", "SummarizationAccuracy", options.SummarizationAccuracyOptions, _CALLED),
        ("qa_accuracy", "QAAccuracy", options.QAAccuracyOptions, _CALLED),
        ("factual_knowledge", "FactualKnowledge", options.FactualKnowledgeOptions, _CALLED),
        ("classification_accuracy", "ClassificationAccuracy", options.ClassificationAccuracyOptions, _CALLED),
    ]:
        own = {field.name: field.default for field in attrs.fields(made)}
        theirs = {called.get(key, key): value for key, value in _defaults(module, name).items() if value is not None}
        assert theirs
        assert {key: own[key] for key in theirs} == theirs


@pytest.mark.usefixtures("_fmeval")
@pytest.mark.parametrize(
    ("name", "given", "assets"),
    [
        ("fmeval-summarization-accuracy", {}, ("wordnet", "punkt-tab", "minilm")),
        ("fmeval-summarization-accuracy", {"bertscore_model": "roberta-large-mnli"}, ("wordnet", "punkt-tab")),
        ("fmeval-qa-accuracy-semantic-robustness", {}, ("minilm",)),
        ("fmeval-factual-knowledge", {}, ()),
        ("fmeval-toxicity", {}, ("detoxify-checkpoint",)),
        ("fmeval-toxicity", {"model_type": "toxigen"}, ("toxigen",)),
    ],
)
def test_assets_that_are_needed_are_asked_for(
    registry: Registry, name: str, given: dict[str, Any], assets: tuple[str, ...]
) -> None:
    """A run fetches them before its first step, and ends there when it cannot."""
    assert assets == registry.make("evaluator", name, given).options.assets()


@pytest.mark.parametrize(
    ("installed", "message"),
    [("", "fmeval is not installed: pip install"), ("1.0.1", "fmeval 1.0.1 is installed, but 1.2.3 is needed")],
)
def test_fmeval_must_be_there(
    registry: Registry, monkeypatch: pytest.MonkeyPatch, installed: str, message: str
) -> None:
    """In the interpreter that runs it, in the version whose algorithms these are; doctor says so too."""
    monkeypatch.setattr(interpreter, "_installed", lambda: installed)
    with pytest.raises(SpecError, match=message):
        registry.make("evaluator", "fmeval-qa-accuracy", {})
    (check,) = checks.checks()
    found = check.run()
    assert ("warning", install_hint("fmeval")) == (found.status, found.hint)


def test_fmeval_may_be_in_another_interpreter(
    registry: Registry, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Then it need not be in this one."""
    monkeypatch.setattr(interpreter, "_installed", lambda: "")
    python = _python(tmp_path, f"echo {interpreter.FMEVAL}")

    assert registry.make("evaluator", "fmeval-qa-accuracy", {"python": python}).metrics


@pytest.mark.parametrize(
    ("says", "message"),
    [
        ("echo", "has no fmeval; install fmeval==1.2.3 there"),
        ("echo 1.0.0", "has fmeval 1.0.0; install fmeval==1.2.3 there"),
        ("exit 3", "is not a Python interpreter that runs"),
    ],
)
def test_an_interpreter_without_it_is_refused(registry: Registry, tmp_path: Path, says: str, message: str) -> None:
    """When the pipeline is built, not after the generations."""
    with pytest.raises(SpecError, match=message):
        registry.make("evaluator", "fmeval-qa-accuracy", {"python": _python(tmp_path, says)})


def test_a_real_interpreter_is_asked() -> None:
    """This one says of itself what its packages say."""
    try:
        found = version("fmeval")
    except PackageNotFoundError:
        found = ""
    assert (found == interpreter.FMEVAL) == (interpreter.problem_with(sys.executable) == "")


def test_an_upgrade_in_the_other_interpreter_is_another_fingerprint(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of NLTK or bert-score there, or of a package here where FMEval is here; it is asked anew, and not while all stays."""
    for name in ("config.json", "model.safetensors"):
        (tmp_path / name).touch()
    context = make_context(tmp_path / "work", assets={"minilm": tmp_path})
    python = _python(tmp_path, "printf '1.2.3\\n3.9.1\\n0.3.13\\n'")
    evaluator = registry.make("evaluator", "fmeval-summarization-accuracy", {"python": python})
    found = [evaluator.fingerprint(context)]
    for versions in ("3.9.1\\n0.3.13", "3.9.2\\n0.3.13", "3.9.2\\n0.3.14"):
        _python(tmp_path, f"printf '1.2.3\\n{versions}\\n'")
        found.append(evaluator.fingerprint(context))
    monkeypatch.setattr(interpreter, "version", lambda name: interpreter.FMEVAL if name == "fmeval" else "3.9")
    interpreter.problem_with.cache_clear()
    here = registry.make("evaluator", "fmeval-factual-knowledge", {})
    found += [here.fingerprint(context), here.fingerprint(context)]
    monkeypatch.setattr(interpreter, "version", lambda name: interpreter.FMEVAL if name == "fmeval" else "3.9.1")
    found.append(here.fingerprint(context))

    assert [0, 0, 1, 2, 3, 3, 4] == [list(dict.fromkeys(found)).index(one) for one in found]
    (tmp_path / "python").unlink()
    with pytest.raises(SpecError, match="is not a Python interpreter that runs"):
        evaluator.fingerprint(context)


def test_the_versions_of_a_real_interpreter() -> None:
    """This one tells the same from outside as from inside."""
    assert interpreter.versions("") == interpreter.versions(sys.executable)
    assert ["fmeval", "nltk", "bert-score"] == list(interpreter.versions(sys.executable))


def test_the_layers_of_encoders_are_those_of_the_other_evaluators() -> None:
    """Also under the hub's new names; FMEval loads by name only what it names."""
    assert BERTSCORE_LAYERS == options.BERTSCORE_LAYERS
    assert set(options.BERTSCORE_LAYERS) >= set(options.FMEVAL_ENCODERS)


@pytest.mark.usefixtures("_fmeval")
def test_doctor_tells_the_version() -> None:
    """Where all is well."""
    assert [Finding("ok", "fmeval 1.2.3")] == [check.run() for check in checks.checks()]
