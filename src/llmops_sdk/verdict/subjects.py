"""What the sentences of a verdict call candidates: a claim is about a recipe, about one checkpoint, or about a model as it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from llmops_sdk.values.results import CellResult, FailedCell


def subjects(cells: Sequence[CellResult], most: int, *, starts: bool = False) -> str:
    """Return candidates as the subject or object of a sentence, such as `base and the recipe tuned`.

    Args:
        cells: The candidates, one or more.
        most: The number of them that are named.
        starts: Whether they start a sentence.
    """
    shown, others = cells[:most], len(cells) - most
    untrained = [cell.candidate for cell in shown if not cell.fine_tuned]
    recipes = [cell.candidate for cell in shown if cell.checkpoints]
    checkpoints = [cell.candidate for cell in shown if cell.fine_tuned and not cell.checkpoints]
    names = [*untrained]
    if recipes:
        names.append(f"the {'recipe' if len(recipes) == 1 else 'recipes'} {_joined(recipes)}")
    if checkpoints:
        names.append(f"{'this checkpoint' if len(checkpoints) == 1 else 'these checkpoints'} of {_joined(checkpoints)}")
    if others > 0:
        names.append(f"{others} {'other' if others == 1 else 'others'}")
    text = _joined(names)
    return text[0].upper() + text[1:] if starts and not untrained else text


def seed_sentences(cells: Sequence[CellResult], failed: Sequence[FailedCell]) -> Iterator[str]:
    """Yield what could not be evaluated: candidates, and checkpoints of recipes of which others could."""
    evaluated = {cell.candidate: len(cell.parts) for cell in cells}
    without = list(dict.fromkeys(cell.candidate for cell in failed if cell.candidate not in evaluated))
    if without:
        yield f"{len(without)} {'candidate' if len(without) == 1 else 'candidates'} could not be evaluated."
    for candidate, count in evaluated.items():
        seeds = [cell.seed for cell in failed if cell.candidate == candidate]
        if seeds:
            left_out = "is left out" if len(seeds) == 1 else "are left out"
            yield f"{len(seeds)} of the {len(seeds) + count} checkpoints of {candidate} could not be evaluated and {left_out}."


def _joined(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
