"""Whether a model has a chat template of its own: found in its folder, in a GGUF file, in the hub's cache or on the hub."""

from __future__ import annotations

import json
import mmap
from pathlib import Path
from tempfile import TemporaryDirectory

from llmops_plugins._hub.repository import Repository
from llmops_plugins._hub.snapshot import cached_snapshot, download_to
from llmops_plugins._weights.folder import adapter_problem, is_folder

_ASSETS = ("smollm2-135m-instruct",)
_TEMPLATE = "chat_template.jinja"
_CONFIGURATIONS = ("tokenizer_config.json", "chat_template.json")
_GGUF_KEY = b"tokenizer.chat_template"
_GGUF_METADATA = 64 * 2**20
"""Bytes at the start of a GGUF file in which its metadata is looked for; the weights follow it."""


def find_chat_template(source: str, revision: str, *, offline: bool) -> bool | None:
    """Return whether a model has a chat template, or None if its files are not there to look into.

    Args:
        source: A folder, a GGUF file, an asset's name, or a hub id.
        revision: Of the hub.
        offline: Whether to look on this machine only.

    Raises:
        AssetError: The hub does not show a model that its cache lacks.
    """
    path = Path(source).expanduser()
    if path.suffix.lower() == ".gguf":
        return _is_in_gguf(path) if path.is_file() else None
    if is_folder(source):
        return _is_in_folder(path) if path.is_dir() and not adapter_problem(path) else None
    if "/" not in source:
        return True if source in _ASSETS else None
    repository = Repository(id=source, revision=revision)
    cached = cached_snapshot(repository)
    if cached is not None and any((cached.folder / name).exists() for name in (_TEMPLATE, *_CONFIGURATIONS)):
        return _is_in_folder(cached.folder)
    if offline:
        return None
    # Not into the cache: a model there with some of its files would look as if it had been downloaded.
    with TemporaryDirectory(prefix="llmops-") as folder:
        download_to(Path(folder), repository, allow=(_TEMPLATE, *_CONFIGURATIONS))
        return _is_in_folder(Path(folder))


def _is_in_folder(folder: Path) -> bool:
    return (folder / _TEMPLATE).is_file() or any(_is_in_json(folder / name) for name in _CONFIGURATIONS)


def _is_in_json(path: Path) -> bool:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return False  # a missing file; one that is damaged is reported when the weights are located
    return isinstance(content, dict) and bool(content.get("chat_template"))


def _is_in_gguf(path: Path) -> bool:
    with path.open("rb") as file:
        if not path.stat().st_size:
            return False
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return content.find(_GGUF_KEY, 0, _GGUF_METADATA) >= 0
