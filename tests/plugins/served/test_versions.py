"""The versions of presets' programs."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmops_plugins.served.options import ServedOptions
from llmops_plugins.served.versions import server_version


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
