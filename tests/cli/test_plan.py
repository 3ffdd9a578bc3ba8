"""The commands `plan` and `compile`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from llmops_sdk import Pipeline
from llmops_sdk.planning import preflight
from llmops_sdk.plugin import Check, Finding
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.values.plan import Plan

from .conftest import PIPELINE, Command


def test_plan_shows_every_default(llmops: Command, folder: Path, registry: Registry) -> None:
    """A file with one model is planned with all defaults; as JSON it is the plan itself.

    Offline, what this machine lacks is an error.
    """
    (folder / "one.yaml").write_text("models: [smollm2]\n", encoding="utf-8")

    done = llmops("plan", "one.yaml", "--offline", code=2)
    shown = done.text
    plan = Plan.from_json(json.loads(llmops("plan", "one.yaml", "--offline", "--json", code=2).out))

    for default in ("dolly", "category='summarization'", "prompt chat", "rank=16", "max_new_tokens=128", "rougeL"):
        assert default in shown
    assert Pipeline.from_yaml(folder / "one.yaml").build(registry, offline=True) == plan
    assert "error    asset smollm2-135m-instruct: " in done.out
    assert "error    dataset 'dolly': the network is not used (offline)" in done.out


def test_plan_shows_the_fields_of_the_records(llmops: Command, folder: Path) -> None:
    """As far as they can be known without a network."""
    datasets = [{"use": "sample"}, "lines"]
    (folder / "fields.yaml").write_text(yaml.safe_dump({**PIPELINE, "datasets": datasets}), encoding="utf-8")

    assert 1 == llmops("plan", "fields.yaml").text.count("fields instruction, context, response")


def test_plan_refuses_what_cannot_run(llmops: Command, folder: Path) -> None:
    """A missing file is named once, and so are a variable and a folder of weights."""
    path, judge = str(folder / "no" / "rows.jsonl"), {"use": "llm-judge", "url": "http://127.0.0.1:9", "model": "m"}
    pipeline = {
        "datasets": [{"use": "jsonl", "path": path}],
        "models": [{"use": "huggingface", "weights": "./nowhere", "fine_tune": False}],
        "evaluators": [{**judge, "api_key": "env:LLMOPS_TEST_UNSET"}],
    }
    (folder / "bad.yaml").write_text(yaml.safe_dump(pipeline), encoding="utf-8")

    out = llmops("plan", "bad.yaml", code=2).out

    errors = [line for line in out.splitlines() if line.startswith("error")]
    assert [
        f"error    dataset 'rows': the data file {path!r} does not exist",
        "error    evaluator 'llm-judge': api_key: the environment variable 'LLMOPS_TEST_UNSET' is not set",
    ] == errors[:2]
    assert 3 == len(errors)
    assert "there is no folder" in errors[2]


def test_plan_counts_candidates_and_fine_tuned_models(llmops: Command) -> None:
    """The first line is a summary of what would run."""
    first, *_ = llmops("plan", "echoes.yaml").out.splitlines()

    assert "pipeline 'echoes': 2 candidates on 1 dataset, asks 2 models, fine-tunes none, 6 steps" == first


def test_plan_takes_overrides(llmops: Command) -> None:
    """`--set` changes what is planned, and `--on` the executor."""
    shown = llmops("plan", "echoes.yaml", "--set", "generation.max_new_tokens=7", "--on", "local").text

    assert "max_new_tokens=7" in shown
    assert "executor local" in shown


def test_compile_refuses_a_local_pipeline(llmops: Command) -> None:
    """Only a remote executor has a definition to print."""
    assert "local" in llmops("compile", "echoes.yaml", code=2).err


def test_text_of_users_is_neither_markup_nor_a_terminal_escape(llmops: Command, folder: Path) -> None:
    """Prompts, names and options are printed as they are; what a terminal would obey is shown by its code."""
    prompt = {"use": "template", "name": "own", "prompt": "[INST] [bold]{instruction}[/INST] \x1b[2J:smile:"}
    pipeline = {**PIPELINE, "name": "a [/b] c \u202e", "prompts": ["bare", prompt]}
    (folder / "hostile.yaml").write_text(yaml.safe_dump(pipeline), encoding="utf-8")

    done = llmops("plan", "hostile.yaml", "--offline")

    assert "a [/b] c <202e>" in done.out
    assert "[INST] [bold]{instruction}[/INST] <1b>[2J:smile:" in done.out
    assert "\x1b" not in done.out
    assert "\x1b" not in llmops("run", "hostile.yaml", code=0).out
    for command in ("runs", "show", "gc"):
        assert not {"\x1b", "\u202e"} & set(llmops(command).out)


@pytest.mark.parametrize("name", ["pipeline.yaml", "eaten.yaml"])
def test_prompts_with_square_brackets_are_shown(
    llmops: Command, folder: Path, real_data: Callable[[str], Path], name: str
) -> None:
    """A Llama 2 prompt has `[INST]` and `[/INST]`; words in brackets in texts and paths are not left out."""
    case = real_data(f"cases/plan-inst-markup/{name}")
    pipeline = yaml.safe_load(case.read_text(encoding="utf-8"))
    dataset = {**pipeline["datasets"][0], "path": str(case.parent / "../capitals.jsonl")}
    pipeline |= {"datasets": [dataset], "models": [{"use": "echo", "fine_tune": False}]}
    (folder / "case.yaml").write_text(yaml.safe_dump(pipeline), encoding="utf-8")

    done = llmops("plan", "case.yaml", "--offline")

    assert {"pipeline.yaml": "[/INST]", "eaten.yaml": "[blue]"}[name] in done.out


def test_errors_have_no_escape_sequences(llmops: Command) -> None:
    """Arguments and messages are text too."""
    for arguments in (
        ("plan", "\x1b[2J.yaml"),
        ("show", "\x1b[2J"),
        ("plugins", "\x1b"),
        ("\x1b[2J",),
        ("plan", "x", "--\x1bfoo"),
    ):
        assert "\x1b" not in llmops(*arguments, code=2).err


def test_a_check_that_is_an_error_is_code_2(llmops: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the run would lack is printed after the plan, or beside its JSON."""
    missing = Check("dataset lines", lambda: Finding("error", "the file is missing"))
    monkeypatch.setattr(preflight, "preflight_checks", lambda *_, **_options: (missing,))

    assert "error dataset lines: the file is missing" in llmops("plan", "echoes.yaml", code=2).text
    done = llmops("plan", "echoes.yaml", "--json", code=2)
    assert "echoes" == json.loads(done.out)["name"]
    assert "the file is missing" in done.err
