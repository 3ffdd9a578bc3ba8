"""Which test records of a dataset depend on each other: those with the same value of its `group`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llmops_sdk.data.columns import value_at
from llmops_sdk.values.data import DatasetSplits
from llmops_sdk.values.serial import digest

if TYPE_CHECKING:
    from numpy.typing import NDArray


def read_clusters(splits: DatasetSplits) -> NDArray[Any] | None:
    """Return a label for each test record, the same for records that depend on each other; None if none do.

    A record without the group's value is on its own.

    Args:
        splits: The dataset's splits.
    """
    import numpy as np

    if not splits.group:
        return None
    labels: dict[str, int] = {}
    clusters = np.empty(splits.test.records, dtype=np.int64)
    for index, record in enumerate(splits.test):
        value = value_at(record, splits.group, None)
        name = f"record {index}" if value is None else f"value {digest(value)}"
        clusters[index] = labels.setdefault(name, len(labels))
    return clusters if len(labels) < splits.test.records else None
