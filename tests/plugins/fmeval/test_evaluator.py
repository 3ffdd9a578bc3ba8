"""What FMEval's evaluators share: when FMEval is started, the fingerprint, and the provenance."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from llmops_plugins.fmeval import algorithms, interpreter, options
from llmops_plugins.fmeval.algorithms import FactualKnowledge
from llmops_plugins.fmeval.evaluator import METADATA
from llmops_plugins.fmeval.options import FactualKnowledgeOptions
from llmops_sdk import SpecError
from llmops_sdk.plugin import (
    Context,
)
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.testing import make_context

from .conftest import generation, python_with


def test_fmeval_is_started_only_if_there_is_a_record_to_score(bare: Context) -> None:
    """Not without generations, and not if none of them has a row."""
    evaluator = algorithms.FactualKnowledge(options.FactualKnowledgeOptions())

    assert list(evaluator.evaluate(bare, [])) == []
    (score,) = evaluator.evaluate(bare, [generation({})])
    assert "the record has no reference field 'response'; it has: " == getattr(score, "error", "")


@pytest.mark.parametrize(
    ("failed", "left_out", "description"),
    [
        ([], 0, "evaluate"),
        ([], 3, "evaluate; its output lacked 3 records, which evaluate_sample scored"),
        (["ValueError: x"], 0, "evaluate failed (ValueError: x), then evaluate_sample, record by record"),
    ],
)
def test_the_provenance_describes_how_fmeval_was_run(
    tmp_path: Path, failed: list[str], left_out: int, description: str
) -> None:
    """From the metadata of FMEval's process."""
    context = make_context(tmp_path)
    (tmp_path / METADATA).write_text(json.dumps({"evaluate_failed": failed, "evaluate_left_out": left_out}))

    assert description == FactualKnowledge(FactualKnowledgeOptions()).provenance(context)["run"]


def test_an_upgrade_changes_the_fingerprint(
    fmeval_registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An upgrade of NLTK or bert-score in the interpreter that runs FMEval; the versions are read again each time."""
    monkeypatch.delenv(interpreter.VARIABLE, raising=False)
    for name in ("config.json", "model.safetensors"):
        (tmp_path / name).touch()
    context = make_context(tmp_path / "work", assets={"minilm": tmp_path})
    python = python_with(tmp_path, "1.2.3", "3.9.1", "0.3.13")
    evaluator = fmeval_registry.make("evaluator", "fmeval-summarization-accuracy", {"python": python})
    fingerprints = [evaluator.fingerprint(context)]
    for versions in (("3.9.1", "0.3.13"), ("3.9.2", "0.3.13"), ("3.9.2", "0.3.14")):
        python_with(tmp_path, "1.2.3", *versions)
        fingerprints.append(evaluator.fingerprint(context))
    monkeypatch.setattr(interpreter, "version", lambda name: interpreter.FMEVAL if name == "fmeval" else "3.9")
    local = fmeval_registry.make("evaluator", "fmeval-factual-knowledge", {})
    fingerprints += [local.fingerprint(context), local.fingerprint(context)]
    monkeypatch.setattr(interpreter, "version", lambda name: interpreter.FMEVAL if name == "fmeval" else "3.9.1")
    fingerprints.append(local.fingerprint(context))

    assert [0, 0, 1, 2, 3, 3, 4] == [list(dict.fromkeys(fingerprints)).index(one) for one in fingerprints]
    (tmp_path / "python").unlink()
    with pytest.raises(SpecError, match="is not a Python interpreter that runs"):
        evaluator.fingerprint(context)


@pytest.mark.usefixtures("fmeval_nowhere")
def test_another_lock_changes_the_fingerprint(bare: Context, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of FMEval's environment, which need not be built to know it."""
    evaluator = FactualKnowledge(FactualKnowledgeOptions())
    before = evaluator.fingerprint(bare)
    assert before == evaluator.fingerprint(bare)

    other = tmp_path / "lock.txt"
    other.write_text("fmeval==1.2.3\nnltk==3.10.5\n")
    monkeypatch.setattr(interpreter, "_LOCK", other)
    assert before != evaluator.fingerprint(bare)
