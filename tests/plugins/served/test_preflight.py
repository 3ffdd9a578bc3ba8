"""What is found before a server is started, and before anything is paid for."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from llmops_plugins.served.options import ServedModelOptions, ServedOptions
from llmops_plugins.served.preflight import CONVERT_VARIABLE, find_convert_script, find_program
from llmops_sdk import SpecError
from llmops_sdk.planning.preflight import run_check
from llmops_sdk.plugin import Finding


def findings(options: ServedOptions, model: str) -> dict[str, Finding]:
    base = ServedModelOptions(model=model).base_model()
    return {check.name: run_check(check) for check in options.local_checks(base, {})}


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        ({"command": "no-such-server {port}"}, "there is no program 'no-such-server'; install it, or write its path"),
        (
            {"command": "TOKEN=1 serve {port}"},
            "there is no program 'TOKEN=1'; variables of the environment are written in env",
        ),
        ({"preset": "vllm", "program": "/opt/vllm"}, r"there is no program '/opt/vllm'; install vLLM"),
        ({"preset": "llama-cpp", "program": "no-llama"}, r"there is no program 'no-llama'; install llama\.cpp"),
    ],
)
def test_a_program_that_is_not_there_is_an_error(options: dict[str, str], hint: str) -> None:
    """With how to get it."""
    with pytest.raises(SpecError, match=hint):
        find_program(ServedOptions(**options))  # type: ignore[arg-type]


def test_a_program_is_looked_for_where_the_server_would_find_it(tmp_path: Path) -> None:
    """In the PATH of the option `env`, or at its path."""
    assert sys.executable == find_program(ServedOptions(command=[sys.executable, "{port}"]))
    program = tmp_path / "my-server"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o700)
    command = ServedOptions(command="my-server {port}", env={"PATH": str(tmp_path)})
    assert str(program) == find_program(command)


def test_weights_are_checked(tiny_model: Path, tmp_path: Path) -> None:
    """A folder must be a model, a file must be GGUF; what is on the hub is checked when it is fetched."""
    vllm = ServedOptions(preset="vllm", program=sys.executable)
    assert ["ok", "ok"] == [finding.status for finding in findings(vllm, str(tiny_model)).values()]
    assert f"program {sys.executable}" in findings(vllm, "owner/name")
    assert 1 == len(findings(vllm, "owner/name"))
    missing = findings(vllm, str(tmp_path))[f"weights {tmp_path}"]
    assert ("error", True) == (missing.status, "is not a model in Hugging Face format" in missing.text)
    (tmp_path / "fake.gguf").write_bytes(b"safetensors")
    fake = findings(vllm, str(tmp_path / "fake.gguf"))[f"weights {tmp_path / 'fake.gguf'}"]
    assert ("error", f"the file '{tmp_path / 'fake.gguf'}' is not GGUF") == (fake.status, fake.text)


def test_the_script_that_converts_is_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the option or the environment variable; without it, the error names how to get it."""
    monkeypatch.delenv(CONVERT_VARIABLE, raising=False)
    llama = ServedOptions(preset="llama-cpp", program=sys.executable)
    (problem,) = [finding for name, finding in findings(llama, "owner/name").items() if name == "conversion to GGUF"]
    assert "error" == problem.status
    for text in ("convert_hf_to_gguf.py", "llama-cpp-python", "convert_script", CONVERT_VARIABLE):
        assert text in problem.text
    script = tmp_path / "convert_hf_to_gguf.py"
    with pytest.raises(SpecError, match=f"there is no script '{script}'"):
        find_convert_script(ServedOptions(preset="llama-cpp", convert_script=str(script)))
    script.touch()
    monkeypatch.setenv(CONVERT_VARIABLE, str(script))
    assert "ok" == findings(llama, "owner/name")["conversion to GGUF"].status
    assert "conversion to GGUF" not in findings(llama, "weights.gguf")
