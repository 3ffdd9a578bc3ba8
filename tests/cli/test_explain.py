"""The command `explain`."""

from __future__ import annotations

import json

from .conftest import Command


def test_a_step_is_explained_in_sentences(llmops: Command) -> None:
    """The reason, each changed input, and the run that it is compared with."""
    llmops("run", "echoes.yaml", "--quiet")
    llmops("run", "echoes.yaml", "--quiet", "--set", "generation.max_new_tokens=3")

    done = llmops("explain", "latest", "generate.loud")

    assert "ran generate.loud: the generation options changed since run echoes-" in done.text
    assert "the generation options: max_new_tokens 128 → 3" in done.text
    assert "Compared with run echoes-" in done.text
    assert done.text.endswith("the run of pipeline 'echoes' before it.")


def test_a_run_has_a_line_for_each_step(llmops: Command) -> None:
    """In the order of the plan; the last line names the command with more."""
    llmops("run", "echoes.yaml", "--quiet")
    llmops("run", "echoes.yaml", "--quiet")

    lines = llmops("explain").out.splitlines()

    assert ["prepare.lines", "generate.loud", "score.loud.bare.lines"] == [
        line.split()[1].rstrip(":") for line in lines[:3]
    ]
    assert {"reused"} == {line.split()[0] for line in lines[:-1]}
    assert lines[-1].startswith("more about a step: llmops explain echoes-")


def test_json_has_the_changes_by_name(llmops: Command) -> None:
    """One object for a step, a list for a run."""
    llmops("run", "echoes.yaml", "--quiet")
    llmops("run", "echoes.yaml", "--quiet", "--set", "generation.max_new_tokens=3")

    step = json.loads(llmops("explain", "latest", "generate.loud", "--json").out)
    assert ("ran", {"the generation options": "max_new_tokens 128 → 3"}) == (step["state"], step["changes"])
    assert 6 == len(json.loads(llmops("explain", "--json").out))


def test_an_unknown_step_is_a_mistake(llmops: Command) -> None:
    """With a suggestion."""
    llmops("run", "echoes.yaml", "--quiet")

    assert "did you mean 'generate.loud'?" in llmops("explain", "latest", "generate.loudd", code=2).err
