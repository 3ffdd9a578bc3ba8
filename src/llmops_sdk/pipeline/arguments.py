"""The arguments of the builder's `with_*` methods, as a specification has them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs

from llmops_sdk.functions.references import reference_to
from llmops_sdk.planning.specification.spec import SEED, SEEDS, ComponentSpec, Override
from llmops_sdk.plugin.options import Options
from llmops_sdk.values.functions import FunctionKind

Use = str | Callable[..., Any]
"""The name of a card, the reference to a function (`./metrics.py:brevity`), or the function."""


def use_of(use: Use, kind: FunctionKind) -> str:
    """Return the text that a specification has for a card or a function.

    Raises:
        SpecError: It is a function that cannot be found again in a file.
    """
    return use if isinstance(use, str) else reference_to(use, kind)


def component(
    use: Use, kind: FunctionKind, name: str, options: Options | None, named: Mapping[str, Any]
) -> ComponentSpec:
    """Return what the arguments of `with_dataset`, `with_prompt` or `with_evaluator` mean.

    Args:
        use: A card or a function.
        kind: What the function is.
        name: The component's name, or empty.
        options: The options as an object.
        named: The options by name.

    Raises:
        SpecError: As `use_of`.
    """
    return ComponentSpec(use_of(use, kind), name, merged(options, named))


def override_from(part: str | Options | Mapping[str, Any] | None) -> Override:
    """Return the override that an argument `trainer` or `deployer` means."""
    if part is None:
        return Override()
    if isinstance(part, str):
        return Override(part)
    if isinstance(part, Options):
        return Override("", part.to_mapping())
    options = dict(part)
    return Override(str(options.pop("use", "")), options)


def with_seeds(override: Override, seeds: Sequence[int], *, of_object: bool) -> Override:
    """Return the override of a trainer with several seeds, which replace the one that an options object always has."""
    options = {name: value for name, value in override.options.items() if not (of_object and name == SEED)}
    return attrs.evolve(override, options={**options, SEEDS: tuple(seeds) if isinstance(seeds, list) else seeds})


def merged(options: Options | None, named: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of an object and those that are named, which override them."""
    return {**(options.to_mapping() if options else {}), **named}
