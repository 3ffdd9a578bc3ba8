"""The planned looks at a dataset: from which look on each record is asked, and which cells stopped before.

Records come in a random order that depends on the test split alone, so every run and every candidate has the same one.
Records of one group come together: half of a group would be no evidence of its own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from llmops_sdk.record.run import Run
from llmops_sdk.steps.cell.clusters import read_clusters
from llmops_sdk.values.artifacts import LookValue
from llmops_sdk.values.data import DatasetSplits
from llmops_sdk.values.step_records import Succeeded
from llmops_sdk.verdict.statistics.looks import look_levels, look_of_places
from llmops_sdk.verdict.statistics.stopping import Looks


def look_of_records(splits: DatasetSplits, shares: Sequence[float]) -> bytes:
    """Return the look from which on each test record is asked, a byte for each; the first look is 1.

    Args:
        splits: The dataset's splits.
        shares: The share of all records at each look.
    """
    clusters = read_clusters(splits).labels
    groups = list(range(splits.test.records)) if clusters is None else clusters.tolist()
    count = max(groups) + 1
    order = sorted(range(count), key=lambda group: _hash(splits.test.sha256, group))
    look_of_group = bytearray(count)
    for group, look in zip(order, look_of_places(count, shares), strict=True):
        look_of_group[group] = look
    return bytes(look_of_group[group] for group in groups)


def planned_looks(splits: DatasetSplits, shares: Sequence[float]) -> Looks:
    """Return the planned looks at the test records of a dataset, with the level of each.

    Args:
        splits: The dataset's splits.
        shares: The share of all records at each look.
    """
    import numpy as np

    return Looks(np.frombuffer(look_of_records(splits, shares), dtype=np.uint8), look_levels(tuple(shares)))


def read_stopped(run: Run, look: int) -> Mapping[str, int]:
    """Return the cells that stopped before a look, with the look at which they did.

    Args:
        run: The run.
        look: The look.
    """
    record = run.record(f"look.{look - 1}") if look > 1 else None
    artifact = run.artifact(record.artifacts["look"]) if isinstance(record, Succeeded) else None
    value: LookValue | None = artifact.read(LookValue) if artifact else None
    return value.stopped if value else {}


def _hash(split: str, group: int) -> bytes:
    return hashlib.sha256(f"{split} {group}".encode()).digest()
