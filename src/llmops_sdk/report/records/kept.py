"""The packed records of a run, kept in its store: a report of the same samples does not pack them again."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import Any

import attrs

from llmops_sdk.errors import StoreError
from llmops_sdk.record.layout import ArtifactLayout
from llmops_sdk.record.marks import mark_data
from llmops_sdk.record.run import Run
from llmops_sdk.report.records.pages import PackedRecords
from llmops_sdk.values.serial import digest

FORM = "fields, prompts, answers; index and chunks"
"""How records are packed; those of another form are packed again."""

MANY = 1_000
"""Records from which on they are kept: fewer are packed in no time."""

_FILE = "records.txt"


@attrs.frozen
class _Value:
    """What the artifact holds beside the file, which has the index and the chunks, a line each."""

    shown: int
    is_complete: bool


@attrs.frozen
class KeptRecords:
    """The packed records of a run's leaderboards.

    Attributes:
        run: The run.
    """

    run: Run

    def get(self, cells: Sequence[str], inputs: Any, pack: Callable[[], PackedRecords]) -> PackedRecords:
        """Return packed records from the store, or pack them; if they are many and none is damaged, they are kept.

        Args:
            cells: The cells whose samples are packed.
            inputs: All that decides the result beside the samples, as JSON.
            pack: Packs the samples.
        """
        samples = [self.run.samples_address(cell) for cell in cells]
        if not all(samples) or not all(self.run.has_samples(cell) for cell in cells):
            return pack()
        address = f"report/{digest(FORM, samples, inputs)}"
        kept = self._read(address)
        if kept is not None:
            return kept
        packed = pack()
        if packed.shown >= MANY and not packed.damages:
            with contextlib.suppress(OSError, StoreError):  # a store that cannot be written to
                self._write(address, packed)
        return packed

    def _read(self, address: str) -> PackedRecords | None:
        artifact = self.run.artifact(address)
        data = self.run.store.get(ArtifactLayout(address).file(_FILE)) if artifact else None
        if artifact is None or data is None:
            return None
        value: _Value = artifact.read(_Value)
        index, *chunks = data.decode().splitlines()
        return PackedRecords(index, tuple(chunks), value.shown, value.is_complete)

    def _write(self, address: str, packed: PackedRecords) -> None:
        data = "\n".join([packed.index, *packed.chunks]).encode()
        self.run.store.put(ArtifactLayout(address).file(_FILE), data)
        value = _Value(packed.shown, packed.is_complete)
        self.run.finish_artifact(address, value, {_FILE: mark_data(data)})
