"""The entries of a comparison: one candidate of one source on one dataset each, and what they are called."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import attrs

from llmops_sdk.errors import DataError, SpecError
from llmops_sdk.values.names import name_from

KEY = "pairing_key"
"""The field of a compared record with its key."""

MODEL_CARD, SCORES_CARD, PROMPT_CARD = "recorded", "recorded-scores", "plain"
"""The cards that the plan of a comparison uses, beside its dataset: its models, evaluator and prompt."""

ONE_DATASET = "records"
"""What the dataset is called where each source has one, under names of their own."""

_MOST_NAMED = 8


@attrs.define
class Spread:
    """The scores of an entry in one metric.

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
class Entry:
    """One candidate of one source on one dataset.

    Attributes:
        number: Its place among all entries.
        source: The place of its source.
        source_label: What messages call that.
        source_name: What distinguishes its candidates from others of the same name.
        given_name: What the user calls the source, or empty.
        candidate: The candidate's name in the source.
        dataset: The dataset's name in the source.
        must_agree: What must be equal among the entries of a dataset.
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
        entries: Those of each dataset, by its name, in the order of the candidates.
        left_out: What is left out, a line each.
    """

    entries: Mapping[str, Sequence[Entry]]
    left_out: tuple[str, ...] = ()

    @property
    def candidates(self) -> tuple[str, ...]:
        """The names of the candidates."""
        return tuple(dict.fromkeys(entry.name for entries in self.entries.values() for entry in entries))


def arrange(entries: Sequence[Entry]) -> Boards:
    """Name the candidates and datasets of all entries, and return the datasets that all candidates have.

    Raises:
        SpecError: Two sources have one name, or there is a single candidate.
        DataError: No dataset is in all sources.
    """
    _name(entries, {entry.number: entry.dataset for entry in entries})
    candidates = list(dict.fromkeys(entry.name for entry in entries))
    if len(candidates) == 1 and len({entry.source for entry in entries}) == 1:
        message = f"{entries[0].source_label} has one candidate, {candidates[0]!r}: name what it is compared with"
        raise SpecError(message)
    by_dataset: dict[str, list[Entry]] = {}
    for entry in entries:
        by_dataset.setdefault(entry.dataset, []).append(entry)
    shared = {name: each for name, each in by_dataset.items() if {entry.name for entry in each} == set(candidates)}
    if shared and len(candidates) > 1:
        left_out = [name for name in by_dataset if name not in shared]
        return _boards(shared, left_out, candidates)
    per_source = Counter(source for source, _ in {(entry.source, entry.dataset) for entry in entries})
    if max(per_source.values()) == 1:
        _name(entries, {entry.number: ONE_DATASET for entry in entries})
        return _boards({ONE_DATASET: list(entries)}, [], list(dict.fromkeys(entry.name for entry in entries)))
    raise DataError(_no_dataset(entries, candidates))


def _check_given(entries: Iterable[Entry], datasets: Mapping[int, str]) -> None:
    """Check that the user gave no two sources with the same dataset one name."""
    seen: dict[tuple[str, str], Entry] = {}
    for entry in entries:
        if not entry.given_name:
            continue
        other = seen.setdefault((entry.given_name, datasets[entry.number]), entry)
        if other.source != entry.source:
            message = f"{other.source_label} and {entry.source_label} are both called {entry.given_name!r}; give each a name of its own"
            raise SpecError(message)


def _name(entries: Sequence[Entry], datasets: Mapping[int, str]) -> None:
    """Set the name of each entry's candidate; equal names on one dataset get those of their sources, else numbers.

    Args:
        entries: All entries.
        datasets: The number of each entry to the name of its dataset.
    """
    _check_given(entries, datasets)
    own_names: dict[int, set[str]] = {}
    for entry in entries:
        own_names.setdefault(entry.source, set()).add(entry.candidate)
    plain: dict[int, str] = {}
    for entry in entries:
        is_alone = len(own_names[entry.source]) == 1
        text = entry.given_name if entry.given_name and is_alone else f"{entry.given_name}-{entry.candidate}".strip("-")
        plain[entry.number] = name_from(text) or f"candidate-{entry.number + 1}"
    clashing = _clashing(entries, plain, datasets)
    for entry in entries:
        if plain[entry.number] in clashing and not (entry.given_name and len(own_names[entry.source]) == 1):
            plain[entry.number] = name_from(f"{entry.source_name}-{plain[entry.number]}")
    taken: dict[tuple[str, str], tuple[int, str]] = {}
    for entry in entries:
        name, number = plain[entry.number], 2
        owner = entry.source, entry.candidate
        while taken.setdefault((name, datasets[entry.number]), owner) != owner:
            name, number = f"{plain[entry.number]}-{number}", number + 1
        entry.name = name


def _clashing(entries: Iterable[Entry], names: Mapping[int, str], datasets: Mapping[int, str]) -> set[str]:
    """Return the names that two sources have on one dataset."""
    owners: dict[tuple[str, str], set[int]] = {}
    for entry in entries:
        owners.setdefault((names[entry.number], datasets[entry.number]), set()).add(entry.source)
    return {name for (name, _), sources in owners.items() if len(sources) > 1}


def _boards(shared: Mapping[str, Sequence[Entry]], left_out: Sequence[str], candidates: Sequence[str]) -> Boards:
    names: dict[str, list[Entry]] = {}
    for dataset, entries in shared.items():
        name, number = name_from(dataset) or ONE_DATASET, 2
        while name in names:
            name, number = f"{name_from(dataset) or ONE_DATASET}-{number}", number + 1
        for entry in entries:
            entry.board = name
        names[name] = sorted(entries, key=lambda entry: candidates.index(entry.name))
    lines = [f"dataset {name!r} is left out: not all candidates have it" for name in left_out]
    return Boards(names, tuple(lines))


def _no_dataset(entries: Sequence[Entry], candidates: Sequence[str]) -> str:
    by_candidate: dict[str, list[str]] = {name: [] for name in candidates}
    for entry in entries:
        by_candidate[entry.name].append(entry.dataset)
    texts = [f"{name!r} has {', '.join(datasets[:_MOST_NAMED])}" for name, datasets in by_candidate.items()]
    return f"no dataset is in all sources: {'; '.join(texts[:_MOST_NAMED])}"
