"""Which test records of a dataset depend on each other: those with the same value of its `group`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from llmops_sdk.data.columns import value_at
from llmops_sdk.values.data import DatasetSplits
from llmops_sdk.values.serial import digest

if TYPE_CHECKING:
    from numpy.typing import NDArray

FEW = 10
"""Groups below which a verdict states that they are few."""


@attrs.frozen(eq=False)
class Clusters:
    """The test records of a dataset by their groups.

    Attributes:
        labels: A label for each test record, the same for records that depend on each other; None if none do.
        caveat: What must be known beside a verdict: what the dataset states, and that the groups are few, single records,
            or some records have none; or empty.
    """

    labels: NDArray[Any] | None = None
    caveat: str = ""


def read_clusters(splits: DatasetSplits) -> Clusters:
    """Return the groups of the test records. A record without the group's value is on its own.

    Args:
        splits: The dataset's splits.
    """
    clusters = _read_groups(splits) if splits.group else Clusters()
    return attrs.evolve(clusters, caveat=" ".join(text for text in (splits.caveat, clusters.caveat) if text))


def _read_groups(splits: DatasetSplits) -> Clusters:
    import numpy as np

    labels: dict[str, int] = {}
    records, without = splits.test.records, 0
    clusters = np.empty(records, dtype=np.int64)
    for index, record in enumerate(splits.test):
        value = value_at(record, splits.group, None)
        without += value is None
        name = f"record {index}" if value is None else f"value {digest(value)}"
        clusters[index] = labels.setdefault(name, len(labels))
    if len(labels) == records:
        return Clusters(None, f"Each test record has a {splits.group} of its own, so records are compared one by one.")
    caveat = ""
    if without:
        has = "has" if without == 1 else "have"
        caveat = (
            f"{without} of {records} test records {has} no {splits.group}; each of them counts as a group of its own."
        )
    elif len(labels) < FEW:
        caveat = f"The {records} test records are only {len(labels)} groups by {splits.group}, and so few groups show little."
    return Clusters(clusters, caveat)
