"""The versions of presets' programs, and what servers report, from bodies as llama.cpp and vLLM send them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from llmops_plugins.served.options import ServedOptions
from llmops_plugins.served.versions import served_details, server_version


def script(path: Path, text: str) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o700)
    return str(path)


def test_llama_cpp_is_asked(tmp_path: Path) -> None:
    """Among what else it prints; two builds that do not know their version differ by their files."""
    printed = "echo 'found 1 device' >&2; echo 'version: 6123 (ab12cd3)' >&2; echo 'built with gcc' >&2"
    program = script(tmp_path / "one" / "llama-server", printed)
    version = server_version(ServedOptions(preset="llama-cpp", program=program))["server"]
    assert version.startswith("llama-cpp 6123 (ab12cd3) (")
    other = script(tmp_path / "two" / "llama-server", f"{printed}; exit 0")
    assert version != server_version(ServedOptions(preset="llama-cpp", program=other))["server"]
    silent = script(tmp_path / "three" / "llama-server", "exit 1")
    assert server_version(ServedOptions(preset="llama-cpp", program=silent))["server"].startswith(
        "llama-cpp of an unknown version ("
    )


def test_vllm_is_not_started(tmp_path: Path) -> None:
    """Its distribution is found in the environment of its script, also through a link."""
    program = script(tmp_path / "env" / "bin" / "vllm", "exit 1")
    (tmp_path / "env" / "lib" / "python3.12" / "site-packages" / "vllm-0.11.2.dist-info").mkdir(parents=True)
    link = tmp_path / "bin" / "vllm"
    link.parent.mkdir()
    link.symlink_to(program)
    for path in (program, str(link)):
        assert {"server": "vllm 0.11.2"} == server_version(ServedOptions(preset="vllm", program=path))
    alone = script(tmp_path / "alone" / "vllm", "exit 1")
    assert {"server": "vllm of an unknown version"} == server_version(ServedOptions(preset="vllm", program=alone))


@pytest.mark.parametrize("options", [{"command": "sh {port}"}, {"preset": "vllm", "program": "/no/such/vllm"}])
def test_nothing_is_known_about_a_command(options: dict[str, str]) -> None:
    """Nor about a program that is not there."""
    assert {} == server_version(ServedOptions(**options))  # type: ignore[arg-type]


LLAMA = {
    "default_generation_settings": {"n_ctx": 2048, "params": {}},
    "model_ftype": "Q8_0",
    "chat_template": "{{ messages }}",
    "bos_token": "<s>",
    "eos_token": "</s>",
}


@pytest.fixture(name="reported")
def _reported(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Let a server answer with these bodies, by path; other paths are unknown to it."""

    def report(**bodies: Any) -> dict[str, str]:
        def answer(request: httpx.Request) -> httpx.Response:
            body = bodies.get(request.url.path.rpartition("/")[2])
            return httpx.Response(404) if body is None else httpx.Response(200, **body)

        client = httpx.Client
        monkeypatch.setattr(httpx, "Client", lambda **options: client(**options, transport=httpx.MockTransport(answer)))
        return served_details("http://127.0.0.1:1")

    return report


def test_llama_cpp_reports_everything(reported: Any) -> None:
    """The template by its hash."""
    found = reported(props={"json": LLAMA}, models={"json": {"data": [{"id": "m"}]}})
    assert {
        "BOS": "<s>",
        "EOS": "</s>",
        "context length": "2048",
        "number format": "Q8_0",
        "chat template": "f24189f08c85",
    } == found


def test_vllm_reports_the_context_length(reported: Any) -> None:
    """In its list of models."""
    assert {"context length": "4096"} == reported(models={"json": {"data": [{"id": "m", "max_model_len": 4096}]}})


@pytest.mark.parametrize(
    "bodies",
    [
        {},
        {"props": {"text": "<html>"}},
        {"props": {"json": []}, "models": {"json": {"data": []}}},
        {"props": {"json": {"default_generation_settings": 3, "bos_token": 7}}, "models": {"json": {"data": ["m"]}}},
    ],
)
def test_a_server_may_report_nothing(bodies: Any, reported: Any) -> None:
    """Or something else at these paths."""
    assert {} == reported(**bodies)


def test_a_server_that_is_gone_reports_nothing() -> None:
    """Asking it shows that later."""
    assert {} == served_details("http://127.0.0.1:9")
