"""Splits that keep groups of rows together: the rows of one conversation, customer or document."""

from __future__ import annotations

import hashlib
from array import array
from typing import TYPE_CHECKING

from llmops_sdk.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


def cut_by_group(places: array[int], groups: array[int], count: int, seed: int) -> tuple[array[int], array[int]]:
    """Cut places into train and test: the test split is whole groups, in a seeded order, until it has enough rows.

    Args:
        places: Of rows, in random order.
        groups: The group of every row, as an 8-byte hash.
        count: The least number of test rows.
        seed: Of the order; it depends on the groups only, not on the order of the rows.

    Raises:
        DataError: No group would be left to train on.
    """
    import numpy as np

    order = np.frombuffer(places, np.uint64)
    distinct, group_of, sizes = np.unique(
        np.frombuffer(groups, np.uint64)[order], return_inverse=True, return_counts=True
    )
    shuffled = np.argsort(_mixed(distinct, seed), kind="stable")
    in_test = int(np.searchsorted(np.cumsum(sizes[shuffled]), count)) + 1
    if in_test >= len(distinct) and count < len(places):
        message = (
            f"the records are of {len(distinct)} groups, and {count} test records would take all of them: lower"
            " test_fraction, or split without group"
        )
        raise DataError(message)
    is_test = np.zeros(len(distinct), bool)
    is_test[shuffled[:in_test]] = True
    chosen = is_test[group_of.reshape(-1)]
    return _places(order[~chosen]), _places(order[chosen])


def without_groups_of(
    train: array[int], train_groups: array[int], test_groups: array[int], test: array[int]
) -> array[int]:
    """Return the places of train rows whose group has no test row.

    Args:
        train: Places of train rows.
        train_groups: The group of every row of their file.
        test_groups: The group of every row of the test rows' file.
        test: Places of test rows.
    """
    import numpy as np

    order = np.frombuffer(train, np.uint64)
    tested = np.frombuffer(test_groups, np.uint64)[np.frombuffer(test, np.uint64)]
    return _places(order[~np.isin(np.frombuffer(train_groups, np.uint64)[order], tested)])


def _mixed(hashes: npt.NDArray[np.uint64], seed: int) -> npt.NDArray[np.uint64]:
    """Mix hashes with a seed (the finalizer of SplitMix64): an order that differs from seed to seed."""
    import numpy as np

    salt = int.from_bytes(hashlib.blake2b(str(seed).encode(), digest_size=8).digest(), "big")
    mixed: npt.NDArray[np.uint64] = hashes ^ np.uint64(salt)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    mixed ^= mixed >> np.uint64(31)
    return mixed


def _places(places: npt.NDArray[np.uint64]) -> array[int]:
    return array("Q", places.tobytes())
