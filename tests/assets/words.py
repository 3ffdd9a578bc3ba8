"""A list of words as an asset, and the places to fetch it from."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from llmops_sdk import Progress
from llmops_sdk.plugin import Asset, AssetSource, FolderSource, WheelSource

WORDS = b"a list of words\n" * 5000
WORDS_SHA256 = hashlib.sha256(WORDS).hexdigest()


class RecordingProgress(Progress):
    """Keeps what is reported."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.tasks: list[tuple[str, float | None, str]] = []
        self.done: list[float] = []

    def log(self, text: str) -> None:
        self.lines.append(text)

    def on_start(self, label: str, total: float | None, unit: str) -> None:
        self.tasks.append((label, total, unit))

    def on_update(self, label: str, done: float, details: Mapping[str, str]) -> None:
        self.done.append(done)


def words_folder(tmp_path: Path, content: bytes = WORDS) -> Path:
    folder = tmp_path / "machine"
    (folder / "corpora" / "extra").mkdir(parents=True, exist_ok=True)
    (folder / "corpora" / "words.txt").write_bytes(content)
    (folder / "corpora" / "extra" / "more.txt").write_bytes(b"more")
    return folder


def words(*sources: AssetSource, **changes: Any) -> Asset:
    files = {"words.txt": WORDS_SHA256}
    return Asset("words", "a list of words", 80_000, **{"files": files, "sources": sources, **changes})


def from_folder(*folders: Path) -> FolderSource:
    return FolderSource("the machine's folders", folders, {"words.txt": "corpora/words.txt", "extra": "corpora/extra"})


def make_wheel(folder: Path, name: str = "wordlist") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-1.0-py3-none-any.whl"
    info = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr(f"{name}/data/words.txt", WORDS)
        wheel.writestr(f"{name}/data/more/a.txt", "a")
        wheel.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\nRequires-Dist: no-such\n"
        )
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    return path


def from_wheel(wheel: Path) -> WheelSource:
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    members = {"words.txt": "wordlist/data/words.txt", "extra": "wordlist/data/more"}
    return WheelSource("wordlist", "1.0", digest, members)
