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

from .conftest import fake_python, generation


@pytest.mark.usefixtures("without_fmeval")
def test_fmeval_is_started_only_if_there_is_a_record_to_score(bare: Context) -> None:
    """Not without generations, and not if none of them has a row."""
    evaluator = algorithms.FactualKnowledge(options.FactualKnowledgeOptions())

    assert list(evaluator.evaluate(bare, [])) == []
    (score,) = evaluator.evaluate(bare, [generation({})])
    assert "the record has no reference field 'response'; it has: " == getattr(score, "error", "")


@pytest.mark.usefixtures("without_fmeval")
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


@pytest.mark.usefixtures("ask_again")
def test_an_upgrade_changes_the_fingerprint(
    fmeval_registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An upgrade of NLTK or bert-score in the interpreter that runs FMEval; the versions are read again each time."""
    for name in ("config.json", "model.safetensors"):
        (tmp_path / name).touch()
    context = make_context(tmp_path / "work", assets={"minilm": tmp_path})
    python = fake_python(tmp_path, "printf '1.2.3\\n3.9.1\\n0.3.13\\n'")
    evaluator = fmeval_registry.make("evaluator", "fmeval-summarization-accuracy", {"python": python})
    fingerprints = [evaluator.fingerprint(context)]
    for versions in ("3.9.1\\n0.3.13", "3.9.2\\n0.3.13", "3.9.2\\n0.3.14"):
        fake_python(tmp_path, f"printf '1.2.3\\n{versions}\\n'")
        fingerprints.append(evaluator.fingerprint(context))
    monkeypatch.setattr(interpreter, "version", lambda name: interpreter.FMEVAL if name == "fmeval" else "3.9")
    interpreter.problem_with.cache_clear()
    local = fmeval_registry.make("evaluator", "fmeval-factual-knowledge", {})
    fingerprints += [local.fingerprint(context), local.fingerprint(context)]
    monkeypatch.setattr(interpreter, "version", lambda name: interpreter.FMEVAL if name == "fmeval" else "3.9.1")
    fingerprints.append(local.fingerprint(context))

    assert [0, 0, 1, 2, 3, 3, 4] == [list(dict.fromkeys(fingerprints)).index(one) for one in fingerprints]
    (tmp_path / "python").unlink()
    with pytest.raises(SpecError, match="is not a Python interpreter that runs"):
        evaluator.fingerprint(context)
