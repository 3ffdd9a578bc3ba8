"""Sentences name a recipe as a recipe, and one training as this checkpoint."""

from __future__ import annotations

import attrs
import pytest

from llmops_sdk.values.results import CellResult, FailedCell
from llmops_sdk.verdict.subjects import seed_sentences, subjects


def cell(name: str, *, trained: bool = False, seeds: int = 0) -> CellResult:
    """A candidate."""
    result = CellResult(f"{name}.p.d", name, name, "p", trained or seeds > 0, 5, 5, {}, {}, None, None, {})
    return attrs.evolve(result, checkpoints=tuple(attrs.evolve(result, seed=seed) for seed in range(seeds)))


BASE, API = cell("base"), cell("api")
ONCE, TWICE = cell("once", trained=True), cell("twice", trained=True)
RECIPE, OTHER = cell("recipe", seeds=3), cell("other", seeds=2)


@pytest.mark.parametrize(
    ("cells", "text"),
    [
        ([BASE], "base"),
        ([RECIPE], "the recipe recipe"),
        ([ONCE], "this checkpoint of once"),
        ([BASE, API], "base and api"),
        ([ONCE, RECIPE, BASE], "base, the recipe recipe and this checkpoint of once"),
        ([RECIPE, OTHER, ONCE, TWICE], "the recipes recipe and other and these checkpoints of once and twice"),
        ([BASE, API, ONCE, TWICE, RECIPE], "base, api, these checkpoints of once and twice and 1 other"),
    ],
)
def test_how_candidates_are_called(cells: list[CellResult], text: str) -> None:
    """Untrained ones by their names alone; at most four are named."""
    assert text == subjects(cells, 4)


def test_the_start_of_a_sentence_has_a_capital() -> None:
    """A candidate's own name is never changed."""
    assert "The recipe recipe" == subjects([RECIPE], 4, starts=True)
    assert "This checkpoint of once" == subjects([ONCE], 4, starts=True)
    assert "base" == subjects([BASE], 4, starts=True)


def test_what_could_not_be_evaluated() -> None:
    """Candidates are counted once, whatever the number of their seeds; a recipe can lack some checkpoints only."""
    failed = [FailedCell(f"x.{seed}", "x", "train.x", "no memory", seed) for seed in (1, 2)]

    assert ["1 candidate could not be evaluated."] == list(seed_sentences([BASE], failed))
    one = FailedCell("recipe.p.d.seed9", "recipe", "train.recipe", "no memory", 9)
    assert ["1 of the 4 checkpoints of recipe could not be evaluated and is left out."] == list(
        seed_sentences([BASE, RECIPE], [one])
    )
    assert "recipe (seed 9)" == one.label
