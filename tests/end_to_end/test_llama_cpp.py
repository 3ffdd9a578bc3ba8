"""llama.cpp's own server and converter on real weights, base and fine-tuned: `make llama-cpp` builds them and runs this."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from llmops_sdk import LocalStore, Pipeline, Progress, Registry, Result
from llmops_sdk.values.forms import Suspect
from llmops_sdk.values.step_records import Failed, Succeeded

pytestmark = [pytest.mark.llama_cpp, pytest.mark.timeout(3600)]

SMOLLM2 = "smollm2-135m-instruct"
CAPITALS = {
    "France": "Paris", "Italy": "Rome", "Spain": "Madrid", "Peru": "Lima", "Japan": "Tokyo", "Egypt": "Cairo",
    "Chile": "Santiago", "Norway": "Oslo", "Greece": "Athens", "Cuba": "Havana", "Kenya": "Nairobi", "Austria": "Vienna",
}  # fmt: skip
RECORDS = len(CAPITALS) // 2

CUTTING_CONVERTER = """
import runpy
import sys
from pathlib import Path

script = sys.argv[0] = {script!r}
sys.path.insert(0, str(Path(script).parent))
runpy.run_path(script, run_name="__main__")
file = Path(sys.argv[sys.argv.index("--outfile") + 1])
with file.open("r+b") as written:
    written.truncate(file.stat().st_size // 2)
"""
"""Runs llama.cpp's script, and leaves half of the file that it writes."""


@pytest.fixture(name="served")
def _served() -> dict[str, Any]:
    """The options of a deployer that serves in float32, as the local server computes."""
    folder = Path(os.environ["LLMOPS_LLAMA_CPP"])
    return {
        "use": "served",
        "preset": "llama-cpp",
        "program": str(folder / "build" / "bin" / "llama-server"),
        "convert_script": str(folder / "sources" / "vendor" / "llama.cpp" / "convert_hf_to_gguf.py"),
        "gguf_type": "f32",
        "arguments": [
            "--cache-type-k",
            "f32",
            "--cache-type-v",
            "f32",
            "--ctx-size",
            "8192",
            "--parallel",
            "4",
            "--threads",
            "1",
        ],
    }


def test_llama_cpp_answers_as_the_local_server_does(
    served: dict[str, Any],
    asset: Callable[[str], Path],
    home: Path,
    tmp_path: Path,
    registry: Registry,
) -> None:
    """On base weights and on a fine-tuned model, whose adapters llama.cpp gets merged and converted by its own script.

    Prompts have the same tokens, chats and texts; greedy answers are the same except for ties in the last digits.
    A GGUF file is served as it is.
    """
    (home / "assets").mkdir(parents=True)
    (home / "assets" / SMOLLM2).symlink_to(asset(SMOLLM2))
    local = {"use": "local-endpoint", "device": "cpu", "dtype": "float32"}
    training = {"max_steps": 3, "learning_rate": 0.003, "device": "cpu", "dtype": "float32"}
    questions = pipeline_on(tmp_path / "questions.jsonl").with_prompt("chat")
    pipeline = questions.with_prompt("alpaca")
    for place, deployer in (("local", local), ("llama", served)):
        pipeline = pipeline.with_model("smollm2", name=f"{place}-base", fine_tune=False, deployer=deployer)
        pipeline = pipeline.with_model(
            "smollm2", name=f"{place}-tuned", trainer=training, prompts=["chat"], deployer=deployer
        )
    store = LocalStore(tmp_path / "runs")

    result = pipeline.run(store=store, registry=registry, progress=Progress())

    answers = answers_of(result)
    for candidate in ("base.chat", "base.alpaca", "tuned"):
        expected, actual = answers[f"local-{candidate}"], answers[f"llama-{candidate}"]
        assert [tokens for _, tokens in expected] == [tokens for _, tokens in actual], candidate
        same = sum(one == other for (one, _), (other, _) in zip(expected, actual, strict=True))
        assert same >= RECORDS - 1, (candidate, expected, actual)
    assert answers["llama-base.chat"] != answers["llama-tuned"]
    assert 1 == len(list(store.root.rglob("artifacts/model/*/model/model.safetensors")))

    endpoints = {cell.candidate: cell.endpoint for cell in result.leaderboards[0].cells}
    assert (SMOLLM2, f"{SMOLLM2}-tuned") == (
        endpoints["llama-base.chat"]["served model"], endpoints["llama-tuned"]["served model"]
    )  # fmt: skip
    assert endpoints["llama-tuned"]["server"].startswith("llama-cpp ")

    assert 2 == len(list((home / "gguf").iterdir()))
    tuned = max((home / "gguf").iterdir(), key=lambda path: path.stat().st_mtime)
    options = {name: value for name, value in served.items() if name in ("preset", "program", "arguments")}
    file = questions.with_model("served", name="file", model=str(tuned), **options)
    again = file.run(store=store, registry=registry, progress=Progress())
    assert answers["llama-tuned"] == answers_of(again)["file"]


def pipeline_on(path: Path) -> Pipeline:
    """Return a pipeline on short questions, which are written to a file: half of them to train on."""
    rows = [
        {"instruction": f"What is the capital of {country}?", "response": f"{city}."}
        for country, city in CAPITALS.items()
    ]
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    return (
        Pipeline.builder("llama")
        .with_dataset("jsonl", path=str(path), test_fraction=0.5)
        .with_generation(max_new_tokens=16)
        .with_evaluator("qa-accuracy")
    )


def answers_of(result: Result) -> dict[str, list[tuple[str, int | None]]]:
    """Return the answers of each candidate, with the number of tokens of their prompts."""
    return {
        cell.candidate: [
            (sample.answer.output, sample.answer.prompt_tokens)
            for sample in result.run.samples(cell.cell)
            if sample.answer
        ]
        for cell in result.leaderboards[0].cells
    }


def test_forms_of_tuned_weights_are_compared_and_a_broken_file_is_one_line(
    served: dict[str, Any],
    asset: Callable[[str], Path],
    home: Path,
    tmp_path: Path,
    registry: Registry,
) -> None:
    """Our engine, the export, and GGUF files of three sizes by llama.cpp's own tools, of one training.

    In float32 the answers are the same; the endpoints report the same template, tokens and weights. A file that llama.cpp
    refuses fails its form alone, and a second run asks nothing.
    """
    (home / "assets").mkdir(parents=True)
    (home / "assets" / SMOLLM2).symlink_to(asset(SMOLLM2))
    cpu = {"device": "cpu", "dtype": "float32"}
    cutting = tmp_path / "cutting.py"
    cutting.write_text(CUTTING_CONVERTER.format(script=served["convert_script"]))
    options = {name: value for name, value in served.items() if name not in ("use", "preset", "gguf_type")}
    forms: list[Any] = [
        "local",
        {"form": "merged", "deployer": cpu},
        {"form": "gguf-f32", "deployer": served},
        {"form": "gguf-q8", "deployer": options},
        {"form": "gguf-q4", "deployer": options},
        {"form": "cut-off", "deployer": {**served, "convert_script": str(cutting), "gguf_type": "f16"}},
    ]
    training = {"max_steps": 3, "learning_rate": 0.003, **cpu}
    recipe = pipeline_on(tmp_path / "questions.jsonl").with_prompt("chat")
    recipe = recipe.with_model("smollm2", name="tuned", trainer=training, deployer=cpu, serve_as=forms)
    store = LocalStore(tmp_path / "runs")

    result = recipe.run(store=store, registry=registry, progress=Progress())

    record = result.run.record("generate.tuned.cut-off.chat.questions")
    assert isinstance(record, Failed)
    assert "\n" not in record.error
    assert "before it was ready; command: " in record.error
    assert "errors in its log: " in record.error
    assert "data is not within the file bounds, model is corrupted or incomplete" in record.error
    (board,) = result.leaderboards
    (family,) = board.forms
    assert ("tuned.local", ("tuned.cut-off",)) == (family.reference, family.without)
    by_form = {form.candidate.removeprefix("tuned."): form for form in family.forms}
    assert ["merged", "gguf-f32", "gguf-q8", "gguf-q4"] == list(by_form)
    assert by_form["gguf-f32"].agreement.identical >= RECORDS - 1
    for form in by_form.values():
        assert RECORDS == form.agreement.answers
        states = {suspect.name: suspect.state for suspect in form.suspects}
        assert {"same"} == {states[name] for name in states if name not in ("number format", "context length")}, (
            form.suspects
        )
    formats = {
        name: suspect.candidate
        for name, form in by_form.items()
        for suspect in form.suspects
        if suspect.name == "number format"
    }
    assert ("bfloat16, computed in float32", "float32", "Q8_0") == (
        formats["merged"], formats["gguf-f32"], formats["gguf-q8"]
    )  # fmt: skip
    assert formats["gguf-q4"].startswith("Q4_K")
    assert Suspect("context length", "8192", "2048") in by_form["gguf-q8"].suspects  # four slots share it
    files = {path: path.stat().st_mtime_ns for path in (home / "gguf").iterdir()}
    assert 5 == len(files)  # 16 bits, from which Q4_K_M is quantized, and the one that is cut off

    second = recipe.run(store=store, registry=registry, progress=Progress()).run
    again = [second.record(step) for step in second.plan.step_by_name if step != "compare"]  # the error names a port
    assert all(record.cached for record in again if isinstance(record, Succeeded))
    assert files == {path: path.stat().st_mtime_ns for path in (home / "gguf").iterdir()}
