"""`llmops gate`: three outcomes with their exit codes, the files it writes, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import yaml

from .conftest import PIPELINE, Command

GATE = """\
exact: {not_worse_than: baseline.json, margin: 0.1}
"""


@pytest.fixture(name="gated")
def _gated(llmops: Command, folder: Path) -> Path:
    """A finished run on 60 test records, a gate file and the baseline of its better candidate."""
    specification = {**PIPELINE, "datasets": [{"use": "lines", "records": 120}]}
    (folder / "echoes.yaml").write_text(yaml.safe_dump(specification), encoding="utf-8")
    (folder / "gate.yaml").write_text(GATE, encoding="utf-8")
    llmops("run", "echoes.yaml", "-q")
    llmops("gate", "--file", "gate.yaml", "--candidate", "loud", "--update")
    return folder


def test_the_exit_code_is_the_answer(llmops: Command, gated: Path) -> None:
    """0 GO, 4 NO-GO, 5 INCONCLUSIVE, 2 refused."""
    go = llmops("gate", "--file", "gate.yaml", "--candidate", "loud")
    assert go.text.startswith(
        "GO for candidate 'loud' (named): the condition is shown to hold GO exact on lines: no worse"
    )
    no_go = llmops("gate", "--file", "gate.yaml", "--candidate", "quiet", code=4)
    assert no_go.text.startswith(
        "NO-GO for candidate 'quiet' (named): 1 of 1 conditions is shown to be broken: exact no worse"
    )
    (gated / "strict.yaml").write_text("exact: {at_least: 0.99}", encoding="utf-8")
    undecided = llmops("gate", "--file", "strict.yaml", code=5)
    assert (
        "INCONCLUSIVE for candidate 'loud' (the best of 2 by the verdict of the run; --candidate names another)"
        in undecided.text
    )
    assert "records would decide it" in undecided.text
    assert "there is no file 'none.yaml' for the gate" in llmops("gate", "--file", "none.yaml", code=2).err


def test_json_junit_and_markdown(llmops: Command, gated: Path) -> None:
    """The answer in three more forms."""
    out = llmops(
        "gate", "--file", "gate.yaml", "--candidate", "quiet", "--json", "--junit", "out/junit.xml", "--markdown", "out/gate.md",
        code=4,
    ).out  # fmt: skip

    decision = json.loads(out)
    assert ("NO-GO", "quiet", 1) == (decision["outcome"], decision["candidate"], decision["schema"])
    (check,) = decision["checks"]
    assert ("exact", "lines", "NO-GO", -1.0, "difference") == tuple(
        check[name] for name in ("subject", "dataset", "outcome", "measured", "kind")
    )
    assert "1" == ET.parse(gated / "out" / "junit.xml").getroot()[0].attrib["failures"]
    assert (gated / "out" / "gate.md").read_text(encoding="utf-8").startswith("<!-- llmops-gate: echoes -->\n###")


def test_an_update_writes_the_baseline_and_checks_nothing(llmops: Command, gated: Path) -> None:
    """Whatever the outcome would be; as JSON too."""
    written = llmops("gate", "-f", "gate.yaml", "--candidate", "quiet", "--update", "--baseline", "other.json").out
    assert "wrote other.json: exact of candidate 'quiet' (named) on 60 records; commit it\n" == written
    (listed,) = json.loads(llmops("gate", "-f", "gate.yaml", "--candidate", "quiet", "--update", "--json").out)
    assert ("baseline.json", "quiet", 60) == (listed["file"], listed["candidate"], listed["records"])
    assert "--update checks nothing: leave out" in llmops("gate", "--update", "--junit", "a.xml", code=2).err
    assert (gated / "other.json").exists()


def test_the_gate_of_the_specification_is_the_default(llmops: Command, gated: Path) -> None:
    """Conditions that were stated before the run."""
    assert "has no gate: name a file with conditions, --file gate.yaml" in llmops("gate", code=2).err
    specification = yaml.safe_load((gated / "echoes.yaml").read_text(encoding="utf-8"))
    specification["gate"] = {"candidate": "loud", "exact": {"at_least": 0.9}}
    (gated / "echoes.yaml").write_text(yaml.safe_dump(specification), encoding="utf-8")
    llmops("run", "echoes.yaml", "-q")

    assert "exact on lines: at least 0.9: 1.000" in llmops("gate").text


def test_what_differs_is_named(llmops: Command, gated: Path) -> None:
    """Another prompt is not another model; it may be declared."""
    specification = yaml.safe_load((gated / "echoes.yaml").read_text(encoding="utf-8"))
    (gated / "echoes.yaml").write_text(yaml.safe_dump({**specification, "prompts": ["plain"]}), encoding="utf-8")
    llmops("run", "echoes.yaml", "-q")

    error = llmops("gate", "--file", "gate.yaml", "--candidate", "loud", code=2).err
    assert (
        "error: the run cannot be compared with the baseline 'baseline.json': what differs is the template of the prompt"
        in error
    )
    (gated / "gate.yaml").write_text(f"varies: [prompt]\n{GATE}", encoding="utf-8")
    declared = llmops("gate", "--file", "gate.yaml", "--candidate", "quiet", code=4).text
    assert "The baseline 'baseline.json' differs in the template of the prompt ('bare' then, 'plain' now)." in declared
