"""The arguments of the builder's `with_*` methods, as a specification has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from llmops_sdk.planning.specification.spec import SEED, SEEDS, Override
from llmops_sdk.plugin.options import Options


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
