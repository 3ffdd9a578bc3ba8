"""The metrics of a comparison: those that all candidates have, with one direction and one pair of bounds each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import attrs

from llmops_sdk.errors import DataError, SpecError, did_you_mean
from llmops_sdk.pipeline.imports.entries import Boards, Entry
from llmops_sdk.values.scores import Metric

_MOST_NAMED = 12
_BINARY = (0.0, 1.0)


@attrs.frozen
class Chosen:
    """What is compared.

    Attributes:
        boards: The datasets, without those that lack the metric that decides.
        metrics: The metrics, the one that decides first.
        notes: What the user should know, a line each.
    """

    boards: Boards
    metrics: tuple[Metric, ...]
    notes: tuple[str, ...]


def choose_metrics(
    boards: Boards, declared: Mapping[int, Sequence[Metric]], named: str, by_user: Mapping[str, Metric]
) -> Chosen:
    """Choose the metrics that all candidates of a dataset have scores of, and the one that decides.

    Args:
        boards: The datasets.
        declared: The number of each entry to its metrics.
        named: The metric that decides; empty for the first that all have.
        by_user: What the user says of metrics, by their names.

    Raises:
        SpecError: Sources contradict each other about a metric, or the user names one that is not there.
        DataError: No metric is in all sources.
    """
    common = {name: _common(entries) for name, entries in boards.entries.items()}
    everything = dict.fromkeys(
        metric for entries in boards.entries.values() for entry in entries for metric in entry.spreads
    )
    for name in by_user:
        if name not in everything:
            message = f"no source has the metric {name!r}{did_you_mean(name, everything)}"
            raise SpecError(message)
    notes: list[str] = []
    merged = {
        name: _merge(
            name, [entry for entries in boards.entries.values() for entry in entries], declared, by_user, notes
        )
        for name in dict.fromkeys(metric for metrics in common.values() for metric in metrics)
    }
    decisive = named or next((name for name, metric in merged.items() if metric.higher_is_better is not None), "")
    if decisive not in merged or merged[decisive].higher_is_better is None:
        raise _no_metric(boards, decisive, merged, everything)
    kept = {name: entries for name, entries in boards.entries.items() if decisive in common[name]}
    notes += [
        f"dataset {name!r} is left out: not all candidates have {decisive!r} there"
        for name in boards.entries
        if name not in kept
    ]
    notes += _left_out(boards, common, everything)
    used = dict.fromkeys(name for board in kept for name in common[board])
    others = [name for name in used if name != decisive]
    if others and not named:
        notes.append(
            f"{decisive!r} decides, the first metric that all have; name another one with --decide-by: {', '.join(others[:_MOST_NAMED])}"
        )
    return Chosen(attrs.evolve(boards, entries=kept), tuple(merged[name] for name in (decisive, *others)), tuple(notes))


def _common(entries: Sequence[Entry]) -> tuple[str, ...]:
    """Return the metrics that all entries have scores of, in the order of the first one."""
    return tuple(name for name in entries[0].spreads if all(name in entry.spreads for entry in entries))


def _merge(
    name: str,
    entries: Sequence[Entry],
    declared: Mapping[int, Sequence[Metric]],
    by_user: Mapping[str, Metric],
    notes: list[str],
) -> Metric:
    """Return a metric as all sources together describe it; what the user says counts most."""
    versions = [
        (entry, metric)
        for entry in entries
        if name in entry.spreads
        for metric in declared[entry.number]
        if metric.name == name
    ]
    own = by_user.get(name)
    label = next((metric.label for _, metric in versions if metric.label), "")
    direction = own.higher_is_better if own else None
    if direction is None:
        known = {metric.higher_is_better: entry for entry, metric in versions if metric.higher_is_better is not None}
        if len(known) > 1:
            message = (
                f"more {name!r} is better in {known[True].source_label} and worse in {known[False].source_label}; "
                f"say which with --higher-is-better {name} or --lower-is-better {name}"
            )
            raise SpecError(message)
        direction = next(iter(known), None)
    spreads = [entry.spreads[name] for entry in entries if name in entry.spreads]
    low, high = min(spread.low for spread in spreads), max(spread.high for spread in spreads)
    bounds = (own.bounds if own else None) or _bounds(metric.bounds for _, metric in versions)
    if bounds is None and all(spread.is_binary for spread in spreads):
        bounds = _BINARY
    if bounds is not None and not bounds[0] <= low <= high <= bounds[1]:
        text = f"the bounds of {name!r} are {bounds[0]:g} and {bounds[1]:g}, but its scores lie between {low:g} and {high:g}"
        if own and own.bounds:
            raise SpecError(text)
        notes.append(f"{text}: it counts as a metric without bounds")
        bounds = None
    return Metric(name, label, direction, bounds)


def _bounds(declared: Iterable[tuple[float, float] | None]) -> tuple[float, float] | None:
    """Return the bounds that the sources agree on; those without any do not count."""
    known = {bounds for bounds in declared if bounds is not None}
    return known.pop() if len(known) == 1 else None


def _left_out(boards: Boards, common: Mapping[str, Sequence[str]], everything: Iterable[str]) -> list[str]:
    shared = {name for names in common.values() for name in names}
    lines = []
    for metric in [name for name in everything if name not in shared][:_MOST_NAMED]:
        holders = dict.fromkeys(
            entry.name for entries in boards.entries.values() for entry in entries if metric in entry.spreads
        )
        lines.append(
            f"metric {metric!r} is left out: only {', '.join(map(repr, holders))} {'has' if len(holders) == 1 else 'have'} it"
        )
    return lines


def _no_metric(
    boards: Boards, named: str, merged: Mapping[str, Metric], everything: Iterable[str]
) -> SpecError | DataError:
    entries = [entry for entries in boards.entries.values() for entry in entries]
    if named in merged:
        message = (
            f"it is not known whether more {named!r} is better: --higher-is-better {named} or --lower-is-better {named}"
        )
        return SpecError(message)
    if named in everything:
        other = next(entry for entry in entries if named not in entry.spreads)
        message = f"not all candidates have the metric {named!r}: {other.label} has {_metrics_of(other)}"
        return DataError(message)
    if named:
        message = f"no source has the metric {named!r}{did_you_mean(named, everything)}"
        return SpecError(message)
    if merged:
        names = ", ".join(list(merged)[:_MOST_NAMED])
        first = next(iter(merged))
        message = f"it is not known which end of {names} is the better one: name it with --higher-is-better {first} or --lower-is-better {first}"
        return SpecError(message)
    texts = [f"{entry.label} has {_metrics_of(entry)}" for entry in entries[:_MOST_NAMED]]
    message = f"no metric is in all sources: {'; '.join(texts)}; name fields of one name with --score NAME"
    return DataError(message)


def _metrics_of(entry: Entry) -> str:
    names = list(entry.spreads)
    return (
        ", ".join(map(repr, names[:_MOST_NAMED])) + (", ..." if len(names) > _MOST_NAMED else "")
        if names
        else "none with a number"
    )
