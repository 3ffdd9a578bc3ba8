"""The parts of a comparison: one candidate of one source on one dataset each, and what they are called."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import attrs

from llmops_sdk.errors import DataError, SpecError
from llmops_sdk.values.names import name_from

KEY = "pairing_key"
"""The field of a compared record with its key."""

RECORDS_CARD, MODEL_CARD, SCORES_CARD, PROMPT_CARD = "imported", "recorded", "recorded-scores", "plain"
"""The cards that the plan of a comparison uses: its dataset, models, evaluator and prompt."""

ONE_DATASET = "records"
"""What the dataset is called where each source has one, under names of their own."""

_MOST_NAMED = 8


@attrs.define
class Spread:
    """The scores of a part in one metric.

    Attributes:
        count: Their number.
        low: The smallest one.
        high: The largest one.
        is_binary: Whether all are 0 or 1.
    """

    count: int = 0
    low: float = float("inf")
    high: float = float("-inf")
    is_binary: bool = True

    def add(self, score: float) -> None:
        """Add a score."""
        self.count += 1
        self.low, self.high = min(self.low, score), max(self.high, score)
        self.is_binary = self.is_binary and score in (0.0, 1.0)


@attrs.define(kw_only=True)
class Part:
    """One candidate of one source on one dataset.

    Attributes:
        number: Its place among all parts.
        source: The place of its source.
        source_label: What messages call that.
        source_name: What tells its candidates from others of the same name.
        given_name: What the user calls the source, or empty.
        candidate: The candidate's name in the source.
        dataset: The dataset's name in the source.
        must_agree: What must be equal among the parts of a dataset.
        details: What else is recorded.
        has_outputs: Whether there are texts.
        rows: The number of its rows.
        spreads: Metric name to its scores.
        fields: The fields that its answers have.
        name: The candidate's name in the comparison.
        board: The dataset's name in the comparison; empty where it is left out.
    """

    number: int
    source: int
    source_label: str
    source_name: str
    given_name: str
    candidate: str
    dataset: str
    must_agree: Mapping[str, str]
    details: Mapping[str, str]
    has_outputs: bool
    rows: int = 0
    spreads: dict[str, Spread] = attrs.field(factory=dict)
    fields: set[str] = attrs.field(factory=set)
    name: str = ""
    board: str = ""

    @property
    def label(self) -> str:
        """What messages call it."""
        return f"{self.name!r} ({self.source_label})"


@attrs.frozen
class Boards:
    """The datasets that are compared.

    Attributes:
        parts: Those of each dataset, by its name, in the order of the candidates.
        left_out: What is left out, a line each.
    """

    parts: Mapping[str, Sequence[Part]]
    left_out: tuple[str, ...] = ()

    @property
    def candidates(self) -> tuple[str, ...]:
        """The names of the candidates."""
        return tuple(dict.fromkeys(part.name for parts in self.parts.values() for part in parts))


def arrange(parts: Sequence[Part]) -> Boards:
    """Name the candidates and datasets of all parts, and return the datasets that all candidates have.

    Raises:
        SpecError: Two sources have one name, or there is a single candidate.
        DataError: No dataset is in all sources.
    """
    _check_given(parts)
    _name(parts, {part.number: part.dataset for part in parts})
    candidates = list(dict.fromkeys(part.name for part in parts))
    if len(candidates) == 1 and len({part.source for part in parts}) == 1:
        message = f"{parts[0].source_label} has one candidate, {candidates[0]!r}: name what it is compared with"
        raise SpecError(message)
    by_dataset: dict[str, list[Part]] = {}
    for part in parts:
        by_dataset.setdefault(part.dataset, []).append(part)
    shared = {name: each for name, each in by_dataset.items() if {part.name for part in each} == set(candidates)}
    if shared and len(candidates) > 1:
        left_out = [name for name in by_dataset if name not in shared]
        return _boards(shared, left_out, candidates)
    per_source = Counter(source for source, _ in {(part.source, part.dataset) for part in parts})
    if max(per_source.values()) == 1:
        _name(parts, {part.number: ONE_DATASET for part in parts})
        return _boards({ONE_DATASET: list(parts)}, [], list(dict.fromkeys(part.name for part in parts)))
    raise DataError(_no_dataset(parts, candidates))


def _check_given(parts: Iterable[Part]) -> None:
    """Check that the user gave no two sources with the same dataset one name."""
    seen: dict[tuple[str, str], Part] = {}
    for part in parts:
        if not part.given_name:
            continue
        other = seen.setdefault((part.given_name, part.dataset), part)
        if other.source != part.source:
            message = f"{other.source_label} and {part.source_label} are both called {part.given_name!r}; give each a name of its own"
            raise SpecError(message)


def _name(parts: Sequence[Part], datasets: Mapping[int, str]) -> None:
    """Set the name of each part's candidate; equal names on one dataset are told apart by their sources, else by numbers.

    Args:
        parts: All parts.
        datasets: The number of each part to the name of its dataset.
    """
    own_names: dict[int, set[str]] = {}
    for part in parts:
        own_names.setdefault(part.source, set()).add(part.candidate)
    plain: dict[int, str] = {}
    for part in parts:
        is_alone = len(own_names[part.source]) == 1
        text = part.given_name if part.given_name and is_alone else f"{part.given_name}-{part.candidate}".strip("-")
        plain[part.number] = name_from(text) or f"candidate-{part.number + 1}"
    clashing = _clashing(parts, plain, datasets)
    for part in parts:
        if plain[part.number] in clashing and not (part.given_name and len(own_names[part.source]) == 1):
            plain[part.number] = name_from(f"{part.source_name}-{plain[part.number]}")
    taken: dict[tuple[str, str], tuple[int, str]] = {}
    for part in parts:
        name, number = plain[part.number], 2
        owner = part.source, part.candidate
        while taken.setdefault((name, datasets[part.number]), owner) != owner:
            name, number = f"{plain[part.number]}-{number}", number + 1
        part.name = name


def _clashing(parts: Iterable[Part], names: Mapping[int, str], datasets: Mapping[int, str]) -> set[str]:
    """Return the names that two sources have on one dataset."""
    owners: dict[tuple[str, str], set[int]] = {}
    for part in parts:
        owners.setdefault((names[part.number], datasets[part.number]), set()).add(part.source)
    return {name for (name, _), sources in owners.items() if len(sources) > 1}


def _boards(shared: Mapping[str, Sequence[Part]], left_out: Sequence[str], candidates: Sequence[str]) -> Boards:
    names: dict[str, list[Part]] = {}
    for dataset, parts in shared.items():
        name, number = name_from(dataset) or ONE_DATASET, 2
        while name in names:
            name, number = f"{name_from(dataset) or ONE_DATASET}-{number}", number + 1
        for part in parts:
            part.board = name
        names[name] = sorted(parts, key=lambda part: candidates.index(part.name))
    lines = [f"dataset {name!r} is left out: not all candidates have it" for name in left_out]
    return Boards(names, tuple(lines))


def _no_dataset(parts: Sequence[Part], candidates: Sequence[str]) -> str:
    by_candidate: dict[str, list[str]] = {name: [] for name in candidates}
    for part in parts:
        by_candidate[part.name].append(part.dataset)
    texts = [f"{name!r} has {', '.join(datasets[:_MOST_NAMED])}" for name, datasets in by_candidate.items()]
    return f"no dataset is in all sources: {'; '.join(texts[:_MOST_NAMED])}"
