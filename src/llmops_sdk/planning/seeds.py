"""The seeds that a model is fine-tuned with: the trainer's `seeds`, which stand for as many values of its option `seed`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from llmops_sdk.errors import SpecError
from llmops_sdk.planning.specification.spec import SEED, SEEDS
from llmops_sdk.plugin.cards import TrainerCard

_EXAMPLE = "such as [1, 2, 3]"


def join_trainer_options(own: Mapping[str, Any], general: Mapping[str, Any]) -> dict[str, Any]:
    """Join a model's own options of its trainer with the pipeline's; the model's own seed or seeds replace both of those."""
    dropped = {SEED, SEEDS} if {SEED, SEEDS} & set(own) else set()
    return {**{name: value for name, value in general.items() if name not in dropped}, **own}


def options_by_seed(options: Mapping[str, Any], card: TrainerCard, where: str) -> dict[int | None, dict[str, Any]]:
    """Return the options of each training: by its seed, or a single one by None where no seeds are given.

    Args:
        options: The options of a trainer, which may have `seeds`.
        card: The trainer's card.
        where: How error messages start.

    Raises:
        SpecError: The seeds are not two or more different whole numbers, or the trainer has no option `seed`.
    """
    others = {name: value for name, value in options.items() if name != SEEDS}
    if SEEDS not in options:
        return {None: others}
    seeds = _check(options[SEEDS], where)
    if SEED in others:
        message = f"{where}: it has both seed and seeds; drop one of the two"
        raise SpecError(message)
    if SEED not in {field.name for field in attrs.fields(card.options)}:
        message = (
            f"{where}: trainer {card.name!r} has no option 'seed', so it cannot train with several seeds; drop seeds"
        )
        raise SpecError(message)
    return {seed: {**others, SEED: seed} for seed in seeds}


def _check(seeds: Any, where: str) -> Sequence[int]:
    if isinstance(seeds, str) or not isinstance(seeds, Sequence):
        message = f"{where}: seeds is a list of whole numbers, {_EXAMPLE}, not {seeds!r}"
        raise SpecError(message)
    for seed in seeds:
        if type(seed) is not int or seed < 0:
            message = f"{where}: seeds are whole numbers from 0, {_EXAMPLE}, not {seed!r}"
            raise SpecError(message)
    if len(seeds) < 2:  # noqa: PLR2004 - the spread of one is not known
        fix = f"for a single training write `seed: {seeds[0]}`" if seeds else "or remove it"
        message = f"{where}: seeds has {'one seed' if seeds else 'no seed'}; name two or more, {_EXAMPLE}, {'or ' * bool(seeds)}{fix}"
        raise SpecError(message)
    twice = next((seed for place, seed in enumerate(seeds) if seed in seeds[:place]), None)
    if twice is not None:
        message = f"{where}: seeds has {twice} twice; the same seed gives the same checkpoint"
        raise SpecError(message)
    return seeds
