"""The version of a preset's program, which decides its answers."""

from __future__ import annotations

import subprocess
from pathlib import Path

from llmops_plugins.served.options import ServedOptions
from llmops_sdk.plugin import SpecError, file_sha256

_SECONDS = 60.0


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
