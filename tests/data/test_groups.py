from __future__ import annotations

import random
from array import array

import pytest

from llmops_sdk.data.groups import cut_by_group, without_groups_of
from llmops_sdk.errors import DataError

GROUPS = array("Q", [n // 4 * 10**15 for n in range(100)])


def cut(count: int, seed: int = 1, groups: array[int] = GROUPS) -> tuple[set[int], set[int]]:
    """The places of train and test."""
    train, test = cut_by_group(array("Q", range(len(groups))), groups, count, seed)
    return set(train), set(test)


def test_a_group_is_on_one_side() -> None:
    """The test split is whole groups, and has at least the rows that were asked for, and less than a group more."""
    train, test = cut(10)
    assert train | test == set(range(100))
    assert not {GROUPS[place] for place in train} & {GROUPS[place] for place in test}
    assert 12 == len(test)


def test_the_groups_depend_on_the_seed_only() -> None:
    """Not on the order of the rows."""
    assert cut(10, seed=1) == cut(10, seed=1)
    assert cut(10, seed=1) != cut(10, seed=2)
    order = list(range(100))
    random.Random(3).shuffle(order)
    _, test = cut_by_group(array("Q", range(100)), array("Q", (GROUPS[place] for place in order)), 10, 1)
    assert {GROUPS[order[place]] for place in test} == {GROUPS[place] for place in cut(10)[1]}


def test_chosen_groups_are_spread_evenly() -> None:
    """Over many seeds each group is tested about as often as any other."""
    times = dict.fromkeys(GROUPS, 0)
    for seed in range(200):
        for group in {GROUPS[place] for place in cut(20, seed)[1]}:
            times[group] += 1
    assert all(20 <= count <= 62 for count in times.values())  # 40 expected, standard deviation 5.7


def test_too_few_groups_are_an_error() -> None:
    """Nothing would be left to train on."""
    with pytest.raises(DataError, match="the records are of 1 groups, and 5 test records would take all of them"):
        cut(5, groups=array("Q", [7] * 20))


def test_all_rows_can_be_asked() -> None:
    """Where nothing is trained."""
    assert (set(), set(range(100))) == cut(100)


def test_train_rows_of_tested_groups_are_dropped() -> None:
    """With a test split of the dataset's own."""
    kept = without_groups_of(array("Q", [0, 1, 2]), array("Q", [5, 6, 7]), array("Q", [6, 9]), array("Q", [0]))
    assert [0, 2] == list(kept)
