"""The conditions of a gate, from a file of their own, a specification, or the record of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from llmops_sdk import Pipeline, Run
from llmops_sdk.errors import SpecError, UserError
from llmops_sdk.gate.conditions.mean import MeanAtLeast
from llmops_sdk.gate.specification import gate_from, gate_of_run, read_gate
from llmops_sdk.plugin.registry import Registry

from .conftest import RunIt, echoes


def test_a_file_of_its_own_and_a_specification_hold_the_same(tmp_path: Path) -> None:
    """Paths are relative to the file."""
    own = "candidate: tuned\nvaries: [prompt]\nrougeL: {at_least: 0.3}\n"
    (tmp_path / "gate.yaml").write_text(own, encoding="utf-8")
    indented = "".join(f"  {line}\n" for line in own.splitlines())
    (tmp_path / "spec.yaml").write_text(f"models: [smollm2]\ngate:\n{indented}", encoding="utf-8")

    gate, of_spec = read_gate(tmp_path / "gate.yaml"), read_gate(tmp_path / "spec.yaml")

    assert (MeanAtLeast("rougeL", 0.3),) == gate.conditions == of_spec.conditions
    assert ("tuned", ("prompt",), tmp_path) == (gate.candidate, gate.varies, gate.folder)
    assert f"{tmp_path}/spec.yaml: gate" == of_spec.where


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ("is a mapping of metrics to conditions", "[]"),
        ("is a mapping of metrics to conditions", ""),
        ("has no condition; add one, such as rougeL", "candidate: tuned"),
        ("candidate is the name of a candidate, not 3", "{candidate: 3, rougeL: {at_least: 0.3}}"),
        ("varies is a list of what may differ", "{varies: prompt, rougeL: {at_least: 0.3}}"),
        ("varies has 'promt', which is not known; did you mean 'prompt'", "{varies: [promt], rougeL: {at_least: 0.3}}"),
        ("has no key gate: add the conditions below it", "models: [smollm2]"),
        ("line 2", "a: 1\na: 2"),
    ],
)
def test_bad_files_are_refused(tmp_path: Path, message: str, text: str) -> None:
    """In one line that names the file."""
    (tmp_path / "gate.yaml").write_text(text, encoding="utf-8")

    with pytest.raises(UserError, match=message) as caught:
        read_gate(tmp_path / "gate.yaml")
    assert "gate.yaml" in str(caught.value)


def test_the_gate_of_a_run_is_in_its_specification(run_it: RunIt, finished: Run) -> None:
    """It was stated before the run; a run without one says how to name a file."""
    run = run_it(echoes(40, voices=("loud",)).with_gate(exact={"at_least": 0.5}, varies=["data"]))

    gate = gate_of_run(run)

    assert (MeanAtLeast("exact", 0.5),) == gate.conditions
    assert ("data",) == gate.varies
    with pytest.raises(SpecError, match=r"has no gate: name a file with conditions, --file gate.yaml"):
        gate_of_run(finished)


@pytest.mark.parametrize(
    ("message", "gate"),
    [
        (
            "gate: 'exacts' is neither a metric of this pipeline nor one of .*; did you mean 'exact'",
            {"exacts": {"at_least": 0.5}},
        ),
        ("gate: exact: at_least 2 shows nothing: exact lies between 0 and 1", {"exact": {"at_least": 2}}),
        ("gate: noise: a lower number is better, so the condition is at_most", {"noise": {"at_least": 2}}),
        (
            "gate: exact: there is no dataset 'line'; did you mean 'lines'",
            {"exact": {"at_least": 0.5, "dataset": "line"}},
        ),
        (
            "gate: candidate 'lou' is no candidate of this pipeline; did you mean 'loud'",
            {"candidate": "lou", "exact": {"at_least": 0.5}},
        ),
        ("gate: exact has the unknown condition 'at_lest'; did you mean 'at_least'", {"exact": {"at_lest": 0.5}}),
    ],
)
def test_a_pipeline_with_a_wrong_gate_does_not_start(registry: Registry, message: str, gate: dict[str, Any]) -> None:
    """It is found before the run, not after it."""
    with pytest.raises(SpecError, match=message):
        echoes(voices=("loud", "quiet")).with_gate(**gate).build(registry, offline=True)


def test_a_specification_keeps_its_gate(tmp_path: Path) -> None:
    """From code to a file and back."""
    pipeline = echoes().with_gate(candidate="loud", exact={"not_worse_than": "baseline.json", "margin": 0.02})
    (tmp_path / "spec.yaml").write_text(pipeline.to_yaml(), encoding="utf-8")

    assert pipeline.spec.gate == Pipeline.from_yaml(tmp_path / "spec.yaml").spec.gate


def test_references_are_named_once() -> None:
    """Two metrics may name the same file."""
    margin = {"not_worse_than": "b.json", "margin": 0.1}

    gate = gate_from({"a": margin, "b": margin, "c": {"at_least": 1}}, where="gate", folder=Path())

    assert ("b.json",) == gate.references
