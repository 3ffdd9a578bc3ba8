"""Options of served models: what is refused when a pipeline is built, and what is part of the answers' key."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from llmops_plugins.served.options import ServedModelOptions, ServedOptions
from llmops_plugins.served.presets import PRESETS
from llmops_plugins.served.programs import CONVERT_VARIABLE
from llmops_sdk import Pipeline, SpecError
from llmops_sdk.planning.preflight import run_check
from llmops_sdk.plugin import BaseModel, Billing, Finding

COMMAND = "serve {model} --port {port}"


def on(**options: Any) -> Pipeline:
    pipeline = Pipeline.builder("here").with_dataset("sample").with_prompt("alpaca").with_evaluator("qa-accuracy")
    return pipeline.with_model("served", **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, r"either a command or a preset \(vllm, llama-cpp\)"),
        ({"command": COMMAND, "preset": "vllm"}, "either a command or a preset"),
        ({"command": "serve {model}"}, r"needs \{port\}"),
        ({"preset": "vlm"}, "no preset is called 'vlm'; did you mean 'vllm'"),
        ({"command": COMMAND, "program": "/usr/bin/x"}, "program belongs to a preset"),
        ({"preset": "vllm", "arguments": ("--name={modl}",)}, r"no placeholder \{modl\}"),
        ({"preset": "vllm", "api": "responses"}, "api is 'auto', 'chat' or 'completions'"),
        ({"preset": "vllm", "ready_path": "health"}, "ready_path starts with a slash"),
        ({"preset": "llama-cpp", "gguf_type": "q4"}, "gguf_type"),
        ({"preset": "vllm", "max_concurrency": 0}, "max_concurrency"),
    ],
)
def test_a_wrong_option_is_refused(options: dict[str, Any], message: str) -> None:
    """With what would be right."""
    with pytest.raises(ValueError, match=message):
        ServedOptions(**options)


def test_a_secret_in_place_of_its_name_reaches_no_message() -> None:
    """The value of a variable that is called like one refers to a variable of this process."""
    with pytest.raises(ValueError, match="'HF_TOKEN' looks like a secret; write 'env:NAME'") as failure:
        ServedOptions(preset="vllm", env={"HF_TOKEN": "hf_secret"})
    assert "hf_secret" not in str(failure.value)
    assert ServedOptions(preset="vllm", env={"HF_TOKEN": "env:HF_TOKEN", "VLLM_USE_V1": "1"})


def test_a_model_is_known_by_its_form(tmp_path: Path) -> None:
    """A hub id, a folder and an asset are in Hugging Face format; a file is GGUF; without a model the command has its own."""
    hub = ServedModelOptions(model="owner/name", revision="v1")
    assert (BaseModel("huggingface", "owner/name", "v1"), ()) == (hub.base_model(), hub.assets())
    folder = ServedModelOptions(model=str(tmp_path))
    assert (BaseModel("huggingface", str(tmp_path)), ()) == (folder.base_model(), folder.assets())
    assert ("smollm2-135m-instruct",) == ServedModelOptions(model="smollm2-135m-instruct").assets()
    file = ServedModelOptions(model="small.Q4.GGUF")
    assert (BaseModel("gguf", "small.Q4.GGUF"), ()) == (file.base_model(), file.assets())
    assert (BaseModel("command", ""), ()) == (ServedModelOptions().base_model(), ServedModelOptions().assets())


def test_weights_with_a_chat_template_are_asked_by_it(tiny_model: Path) -> None:
    """Where the pipeline names no prompt; a command that names its model itself is asked with a text."""
    pipeline = Pipeline.builder("here").with_dataset("sample").with_evaluator("qa-accuracy")
    commands: list[dict[str, Any]] = [
        {"command": COMMAND, "model": str(tiny_model)},
        {"command": "serve --port {port}"},
    ]
    models = [pipeline.with_model("served", **options).build(offline=True).models[0] for options in commands]
    assert [("chat",), ("alpaca",)] == [model.prompts for model in models]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"command": COMMAND}, r"the command has \{model\}, and no model is named"),
        ({"command": "serve --port {port}", "model": "a/b"}, r"has no \{model\}, where the weights 'a/b'"),
        ({"command": "serve --port {prot}"}, r"no placeholder \{prot\}"),
        ({"preset": "vllm", "model": "a/b", "trainer": {"use": "lora"}, "fine_tune": False}, "drop one of the two"),
        ({"preset": "llama-cpp", "model": "a.gguf", "trainer": {"use": "lora"}}, "this one has the format 'gguf'"),
        (
            {"preset": "llama-cpp", "model": "a.gguf", "gguf_type": "q4_0"},
            "gguf_type 'q4_0' converts weights in Hugging Face",
        ),
        (
            {"preset": "llama-cpp", "model": "a.gguf", "serve_as": ["served", "gguf-q4"]},
            "gguf_type 'q4_k_m' converts weights in Hugging Face format, and 'a.gguf' is a GGUF file: remove it, or name",
        ),
    ],
)
def test_a_pipeline_that_cannot_run_is_not_built(options: dict[str, Any], message: str) -> None:
    """Weights without a place in the command, a place without weights, a file that cannot be fine-tuned or converted."""
    with pytest.raises(SpecError, match=message):
        on(**options).build(offline=True)


def test_options_of_the_server_stand_beside_the_model() -> None:
    """Of a model that is fine-tuned, too; and any model in Hugging Face format can be served so."""
    (tuned,) = (
        on(model="a/b", preset="vllm", arguments=["--max-model-len", "4096"], trainer={"use": "lora"}).build().models
    )
    assert ("served", "lora", ["--max-model-len", "4096"]) == (
        tuned.deployer.use, tuned.trainer and tuned.trainer.use, tuned.deployer.options["arguments"]
    )  # fmt: skip
    pipeline = Pipeline.builder("here").with_dataset("sample").with_evaluator("qa-accuracy")
    (other,) = pipeline.with_model("smollm2", deployer={"use": "served", "preset": "vllm"}).build().models
    assert ("lora", "vllm") == (other.trainer and other.trainer.use, other.deployer.options["preset"])


def test_what_changes_no_answer_is_no_part_of_the_key() -> None:
    """Limits, waiting and where programs are; another command or variable asks again."""
    keys = [
        on(model="a/b", **options).build(offline=True).models[0].deployer.key
        for options in (
            {"preset": "vllm"},
            {"preset": "vllm", "program": "/opt/vllm", "ready_timeout": 5.0, "ready_path": "/up", "max_concurrency": 2},
            {"preset": "vllm", "env": {"VLLM_ATTENTION_BACKEND": "FLASHINFER"}},
            {"preset": "vllm", "arguments": ["--dtype", "half"]},
        )
    ]
    assert keys[0] == keys[1]
    assert 3 == len(set(keys))


def test_a_preset_is_a_command() -> None:
    """With another program and more arguments, if they are given; it has its own path that shows whether it is ready."""
    options = ServedOptions(preset="llama-cpp", program="/opt/llama-server", arguments=("--threads", "4"))
    assert ("/opt/llama-server", *PRESETS["llama-cpp"].arguments, "--threads", "4") == options.words
    assert ("/health",) == options.ready_paths
    assert ("serve", "{model}", "--port", "{port}", "-v") == ServedOptions(command=COMMAND, arguments=("-v",)).words
    assert ("/v1/models", "/health") == ServedOptions(command=COMMAND).ready_paths
    assert ("/up",) == ServedOptions(command=COMMAND, ready_path="/up").ready_paths


def test_a_chat_is_refused_for_the_completions_api() -> None:
    """When the pipeline is built."""
    with pytest.raises(SpecError, match="the prompt 'chat' is a chat"):
        on(model="a/b", preset="vllm", api="completions").with_prompt("chat").build(offline=True)


def findings(options: ServedOptions, model: str) -> dict[str, Finding]:
    base = ServedModelOptions(model=model).base_model()
    return {check.name: run_check(check) for check in options.local_checks(base, {})}


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        ({"command": "no-such-server {port}"}, "install it, or write its path"),
        ({"preset": "vllm", "program": "/opt/no/vllm"}, "install vLLM in an environment of its own"),
        ({"preset": "llama-cpp", "program": "no-llama"}, "install llama.cpp"),
    ],
)
def test_the_program_is_checked(options: dict[str, Any], hint: str) -> None:
    """The error has how to get it."""
    checked = ServedOptions(**options)
    finding = findings(checked, "")[f"program {checked.words[0]}"]
    assert "error" == finding.status
    assert f"there is no program '{checked.words[0]}'; {hint}" in finding.text


def test_weights_are_checked(tiny_model: Path, tmp_path: Path) -> None:
    """A folder must be a model, a file must be GGUF; what is on the hub is checked when it is fetched."""
    vllm = ServedOptions(preset="vllm", program=sys.executable)
    assert ["ok", "ok"] == [finding.status for finding in findings(vllm, str(tiny_model)).values()]
    assert [f"program {sys.executable}"] == list(findings(vllm, "owner/name"))
    missing = findings(vllm, str(tmp_path))[f"weights {tmp_path}"]
    assert ("error", True) == (missing.status, "is not a model in Hugging Face format" in missing.text)
    fake = findings(vllm, str(tmp_path / "fake.gguf"))[f"weights {tmp_path / 'fake.gguf'}"]
    assert ("error", True) == (fake.status, "there is no file" in fake.text)


def test_the_script_that_converts_is_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For weights that llama.cpp does not read, and only for those."""
    monkeypatch.delenv(CONVERT_VARIABLE, raising=False)
    llama = ServedOptions(preset="llama-cpp", program=sys.executable)
    assert "error" == findings(llama, "owner/name")["conversion to GGUF"].status
    script = tmp_path / "convert_hf_to_gguf.py"
    script.touch()
    monkeypatch.setenv(CONVERT_VARIABLE, str(script))
    assert "ok" == findings(llama, "owner/name")["conversion to GGUF"].status
    assert "conversion to GGUF" not in findings(llama, "weights.gguf")
    assert "conversion to GGUF" not in findings(ServedOptions(preset="vllm"), "owner/name")


def test_a_served_model_takes_this_machine() -> None:
    """No service bills it."""
    billing = ServedOptions(command=COMMAND).billing(BaseModel("huggingface", "m"))

    assert Billing("hours", "local", is_own=True) == billing
