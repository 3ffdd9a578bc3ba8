"""An asset's files from a model on the Hugging Face hub, or from the hub's cache on this machine."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from llmops_plugins._hub.model import find_model
from llmops_sdk.plugin import AssetError, AssetSource, Progress


class HubSource(AssetSource):
    """Copies the newest files of a model.

    Args:
        hub_id: The model.
        files: The names of the files to take; every file of the top folder where it is empty.
        cached: Whether only the cache is used.
    """

    def __init__(self, hub_id: str, files: Sequence[str] = (), *, cached: bool = False) -> None:
        self.label = f"the Hugging Face {'cache' if cached else 'hub'}"
        self.needs_network = not cached
        self._hub_id = hub_id
        self._files = tuple(files)

    def fetch(self, folder: Path, *, home: Path, progress: Progress) -> Mapping[str, str]:
        """Copy the files of the newest commit."""
        del home
        snapshot = find_model(self._hub_id, offline=not self.needs_network, progress=progress)
        names = self._files or sorted(path.name for path in snapshot.folder.iterdir() if path.is_file())
        for name in names:
            if not (snapshot.folder / name).is_file():
                message = f"the model {self._hub_id!r} has no file {name!r}"
                raise AssetError(message)
            shutil.copyfile(snapshot.folder / name, folder / name)
        return {"repository": self._hub_id, "version": snapshot.commit}
