"""What is known of a server, as it decides its answers: the version of its program, and what it reports itself."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import httpx

from llmops_plugins.served.options import ServedOptions
from llmops_sdk.plugin import SpecError, file_sha256, serving_details

_SECONDS = 60.0
_REQUEST_SECONDS = 5.0

_FORMATS = {"all F32": "float32", "F16": "float16", "BF16": "bfloat16"}
"""What llama.cpp calls number formats that others have too."""


def server_version(options: ServedOptions) -> dict[str, str]:
    """Return what is known about the version of a server: nothing of a command.

    A program that prints its version at once is asked; a build may not know it, so the hash of the file counts too.
    Of a Python program, the version of its distribution is read beside it: starting it takes long.
    """
    if options.server is None:
        return {}
    try:
        program = options.find_program()
    except SpecError:  # answers that are there need no program; the deployer raises this again
        return {}
    if options.server.version_option:
        text = _printed_version(program, options.server.version_option)
        return {"server": f"{options.preset} {text or 'of an unknown version'} ({file_sha256(Path(program))[:12]})"}
    return {
        "server": f"{options.preset} {_distribution_version(Path(program), options.preset) or 'of an unknown version'}"
    }


def served_details(url: str) -> dict[str, str]:
    """Return what a server reports of the chat template, the special tokens, the context length and the number format.

    llama.cpp has it at `/props`, vLLM a part of it in its list of models; most servers report nothing, which is no error.

    Args:
        url: The server's address.
    """
    with httpx.Client(base_url=url, trust_env=False, timeout=_REQUEST_SECONDS) as client:
        props = _mapping(_json(client, "/props"))
        models = _mapping(_json(client, "/v1/models")).get("data")
    first = _mapping(models[0] if isinstance(models, list) and models else None)
    settings, stored = _mapping(props.get("default_generation_settings")), _text(props.get("model_ftype")) or ""
    return serving_details(
        chat_template=_text(props.get("chat_template")),
        bos=_text(props.get("bos_token")),
        eos=_text(props.get("eos_token")),
        context_length=_whole(settings.get("n_ctx")) or _whole(first.get("max_model_len")),
        number_format=_FORMATS.get(stored, stored),
    )


def _printed_version(program: str, version_option: str) -> str:
    """Return what follows `version:` in what a program prints."""
    try:
        done = subprocess.run(  # noqa: S603 - the user's own program
            [program, version_option], capture_output=True, timeout=_SECONDS, check=False, text=True, errors="replace"
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    lines = [line for line in (done.stdout + done.stderr).splitlines() if line.startswith("version:")]
    return lines[0].removeprefix("version:").strip() if lines else ""


def _distribution_version(program: Path, distribution: str) -> str:
    """Return the version of a distribution in the environment of its script."""
    for script in (program, program.resolve()):
        folders = sorted(script.parent.parent.glob(f"lib/python*/site-packages/{distribution}-*.dist-info"))
        if folders:
            return folders[0].name.removeprefix(f"{distribution}-").removesuffix(".dist-info")
    return ""


def _json(client: httpx.Client, path: str) -> Any:
    try:
        answer = client.get(path)
        return answer.json() if answer.is_success else None
    except (httpx.HTTPError, ValueError):
        return None


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
