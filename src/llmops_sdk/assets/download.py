"""Downloading a file, with resume."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from llmops_sdk.errors import AssetError
from llmops_sdk.progress import Progress, Task

if TYPE_CHECKING:
    import httpx

_BLOCK = 1 << 18
_ATTEMPTS = 4
_TIMEOUT_SECONDS = 30.0


def download(url: str, part: Path, *, progress: Progress, label: str) -> None:
    """Download a URL (`https`, `http`, `file`) into a file, and append to the bytes that the file has already.

    Raises:
        AssetError: It cannot be downloaded; the bytes that arrived stay for the next attempt.
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
            with attempt, httpx.Client(follow_redirects=True, timeout=_TIMEOUT_SECONDS) as client:
                _download_once(client, url, part, progress, label)
    except httpx.HTTPStatusError as error:
        message = f"'{_bare(url)}' answered {error.response.status_code}"
        raise AssetError(message) from error
    except (httpx.HTTPError, OSError) as error:
        message = f"'{_bare(url)}' cannot be downloaded: {error}"
        raise AssetError(message) from error


def _download_once(client: httpx.Client, url: str, part: Path, progress: Progress, label: str) -> None:
    present = part.stat().st_size if part.exists() else 0
    headers = {"Accept-Encoding": "identity", **({"Range": f"bytes={present}-"} if present else {})}
    with client.stream("GET", url, headers=headers) as response:
        full_size = response.headers.get("Content-Range", "").rpartition("/")[2]
        if response.status_code == 416 and full_size == str(present):  # noqa: PLR2004 - nothing is left to send
            return
        response.raise_for_status()
        resumed = response.status_code == 206  # noqa: PLR2004 - partial content
        present = present if resumed else 0
        length = response.headers.get("Content-Length")
        with _open(part, present, float(length) + present if length else None, progress, label) as (file, task):
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
    part: Path, present: int, total: float | None, progress: Progress, label: str
) -> Iterator[tuple[IO[bytes], Task]]:
    with part.open("ab" if present else "wb") as file, progress.task(label, total, "bytes") as task:
        task.update(present)
        yield file, task


def _bare(url: str) -> str:
    """Return a URL without the user and password that it may hold."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()
