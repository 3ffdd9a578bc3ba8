"""What the report's page is made of: scales, curves, numbers as text, and records as JSON that cannot leave its element."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import attrs
from markupsafe import Markup

from llmops_sdk.results import Estimate
from llmops_sdk.values import Metric, TrainedModel, TrainingPoint

Sample = Mapping[str, Any]
"""A line of `samples/<cell>.jsonl`: index, record, prompt, output, error, latency, counts, scores, score_errors, notes, probes."""

MOST_CHARACTERS = 20_000
"""Characters of one text that a report holds; the page says where it cut one."""

CURVE_POINTS = 400
"""Points of a drawn curve; a longer one is drawn through the means of equal stretches."""


# -- numbers as text ----------------------------------------------------------------------------


def number(value: float | None, *, sign: bool = False) -> str:
    """Write a number as people compare it: three decimals below 10, fewer above, a true minus sign."""
    if value is None or not math.isfinite(value):
        return "\N{EN DASH}"
    size = abs(value)
    decimals = next((places for places, limit in ((3, 10), (2, 100), (1, 1000)) if size < limit), 0)
    text = f"{size:,.{decimals}f}"
    if not text.strip("0."):
        return text
    return ("\N{MINUS SIGN}" if value < 0 else "+" if sign else "") + text


def interval(estimate: Estimate, *, sign: bool = False) -> str:
    """Write the interval of an estimate: `[0.291, 0.334]`."""
    return f"[{number(estimate.low, sign=sign)}, {number(estimate.high, sign=sign)}]"


def amount(value: float | None) -> str:
    """Write a number that may be a count: `1,172`, `481.2`, `0.312`."""
    if value is None or not math.isfinite(value):
        return "\N{EN DASH}"
    if value == int(value):
        return f"{int(value):,}".replace("-", "\N{MINUS SIGN}")
    return f"{value:,.1f}" if abs(value) >= 10 else number(value)  # noqa: PLR2004 - four digits are enough


def duration(seconds: float | None) -> str:
    """Write a time: `4 ms`, `0.42 s`, `12.3 s`, `3 min 05 s`, `2 h 07 min`."""
    if seconds is None or not math.isfinite(seconds):
        return "\N{EN DASH}"
    if seconds < 0.0995:  # noqa: PLR2004 - two digits of it are left in seconds
        return f"{1000 * seconds:.0f} ms"
    minutes, rest = divmod(round(seconds), 60)
    if not minutes:
        return f"{seconds:.1f} s" if round(seconds, 2) >= 10 else f"{seconds:.2f} s"  # noqa: PLR2004 - three digits
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s"


# -- scales and curves --------------------------------------------------------------------------


@attrs.frozen
class Axis:
    """A linear scale over the width or the height of a drawing, with round ticks."""

    low: float
    high: float
    ticks: tuple[float, ...]
    decimals: int

    def share(self, value: float) -> float:
        """Return where a value stands: 0 at the low end, 1 at the high one."""
        return (value - self.low) / (self.high - self.low)

    def at(self, value: float) -> str:
        """Return where a value stands from the left."""
        return f"{100 * self.share(value):.2f}%"

    def up(self, value: float) -> str:
        """Return where a value stands from the top, the high end being there."""
        return f"{100 - 100 * self.share(value):.2f}%"

    def label(self, tick: float) -> str:
        """Write a tick with as many decimals as the step between ticks has."""
        return f"{tick + 0.0:,.{self.decimals}f}".replace("-", "\N{MINUS SIGN}")


def axis(values: Sequence[float], *, pad: float = 0.0, count: int = 5) -> Axis:
    """Return a scale that holds the values and `pad` of their width on both sides, with about `count` ticks."""
    low, high = min(values), max(values)
    width = (high - low) or abs(high) or 1.0
    margin = pad * width if high > low else width / 2
    low, high = low - margin, high + margin
    raw = (high - low) / count
    power = 10.0 ** math.floor(math.log10(raw))
    step = power * next((factor for factor in (1, 2, 5) if power * factor >= raw), 10)
    places = range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)
    return Axis(low, high, tuple(place * step for place in places), max(0, -math.floor(math.log10(step) + 1e-9)))


def interval_axis(estimates: Iterable[Estimate], *also: float) -> Axis:
    """Return the common scale of intervals, and of other values that it must show."""
    ends = [end for estimate in estimates for end in (estimate.low, estimate.high, estimate.mean)]
    return axis([*ends, *also] or [0.0, 1.0], pad=0.08)


@attrs.frozen
class Training:
    """A trained model, who uses it, and its colour."""

    label: str
    colour: int
    model: TrainedModel

    @property
    def held_out(self) -> tuple[float, ...]:
        """The held-out losses, in the order they were taken."""
        return tuple(point.held_out_loss for point in self.model.curve if point.held_out_loss is not None)


@attrs.frozen
class Curve:
    """One model's losses as drawn: lines in thousandths of width and height, held-out points in per cent."""

    label: str
    colour: int
    raw: str
    smooth: str
    held_out_line: str
    held_out: tuple[tuple[str, str], ...]


@attrs.frozen
class CurvePlot:
    """The losses of all models over steps, tokens or seconds."""

    across: str
    x: Axis
    y: Axis
    curves: tuple[Curve, ...]


_ACROSS: Mapping[str, Callable[[TrainingPoint], float]] = {
    "steps": lambda point: point.step,
    "tokens": lambda point: point.tokens,
    "seconds": lambda point: point.seconds,
}


def curve_plots(trainings: Sequence[Training]) -> list[CurvePlot]:
    """Return the drawing of the loss curves over steps, over tokens and over seconds; none where there is no loss."""
    losses = sorted(p.loss for training in trainings for p in training.model.curve if p.loss is not None)
    held_out = [loss for training in trainings for loss in training.held_out]
    if not losses and not held_out:
        return []
    # The highest one in fifty of the raw losses may leave the drawing, or a spike flattens all the rest.
    y = axis([*losses[: len(losses) - len(losses) // 50], *held_out], pad=0.06)
    plots = []
    for across, of in _ACROSS.items():
        x = axis([0.0, *(of(training.model.curve[-1]) for training in trainings)], count=8)
        plots.append(CurvePlot(across, x, y, tuple(_curve(training, x, y, of) for training in trainings)))
    return plots


def _curve(training: Training, x: Axis, y: Axis, of: Callable[[TrainingPoint], float]) -> Curve:
    points = training.model.curve
    raw = _thinned([(of(p), p.loss) for p in points if p.loss is not None])
    held_out = [(of(p), p.held_out_loss) for p in points if p.held_out_loss is not None]

    def line(places: Iterable[tuple[float, float]]) -> str:
        return " ".join(f"{1000 * x.share(a):.1f},{1000 - 1000 * y.share(b):.1f}" for a, b in places)

    smooth = line(zip([place for place, _ in raw], smoothed([loss for _, loss in raw]), strict=True))
    dots = tuple((x.at(place), y.up(loss)) for place, loss in held_out)
    return Curve(training.label, training.colour, line(raw), smooth, line(held_out), dots)


def _thinned(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    size = math.ceil(len(points) / CURVE_POINTS) or 1
    stretches = [points[start : start + size] for start in range(0, len(points), size)]
    return [(stretch[-1][0], math.fsum(loss for _, loss in stretch) / len(stretch)) for stretch in stretches]


def smoothed(losses: Sequence[float]) -> list[float]:
    """Return the exponential moving average over about an eighth of the values, corrected for its start at zero."""
    keep = 1 - 2 / (max(3.0, len(losses) / 8) + 1)
    found, average, weight = [], 0.0, 0.0
    for loss in losses:
        average = keep * average + (1 - keep) * loss
        weight = keep * weight + (1 - keep)
        found.append(average / weight)
    return found


# -- records ------------------------------------------------------------------------------------


def pack_record(
    index: int, row: Mapping[str, Sample], cells: Sequence[tuple[str, str]], metrics: Sequence[Metric]
) -> dict[str, Any]:
    """Return one record for the page's script: fields and prompts once, then what each candidate made of it.

    Args:
        index: The record's place in the test split.
        row: Cell name to its sample.
        cells: Cell and prompt name, in the order of the answers.
        metrics: In the order of the scores.
    """
    first = next(iter(row.values()))
    prompts: dict[str, Any] = {}
    answers: list[Any] = []
    for cell, prompt_name in cells:
        sample = row.get(cell)
        if sample is None:
            answers.append(None)
            continue
        prompt = _prompt(sample.get("prompt"))
        own = {} if prompts.setdefault(prompt_name, prompt) == prompt else {"prompt": prompt}
        answers.append({**_answer(sample, metrics), **own})
    fields = [[name, _cut(value)] for name, value in first["record"].items()]
    return {"index": index, "fields": fields, "prompts": prompts, "answers": answers}


def script_json(value: Any) -> Markup:
    """Return JSON that can neither end nor change the script element it stands in."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return Markup(_UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", text))  # noqa: S704 - nothing that HTML reads is left


_UNSAFE = re.compile("[<>&\u2028\u2029\x7f\ud800-\udfff]")


def finite(value: float | None) -> float | None:
    """Return a number as JSON can hold it, rounded to what a page can show."""
    return round(value, 6) if value is not None and math.isfinite(value) else None


def _answer(sample: Sample, metrics: Sequence[Metric]) -> dict[str, Any]:
    scores = sample.get("scores") or {}
    answer = {
        "output": None if sample.get("output") is None else _cut(sample["output"]),
        "error": _cut(sample.get("error") or ""),
        "latency": finite(sample.get("latency")),
        "tokens": [sample.get("prompt_tokens"), sample.get("output_tokens")],
        "finish": sample.get("finish_reason") or "",
        "scores": [finite(scores.get(metric.name)) for metric in metrics],
        "unscored": {name: _cut(text) for name, text in (sample.get("score_errors") or {}).items()},
        "notes": _beside(sample),
    }
    kept_empty = ("output", "scores")
    return {
        name: value
        for name, value in answer.items()
        if name in kept_empty or value not in ("", None, {}, [], [None, None])
    }


def _beside(sample: Sample) -> list[list[Any]]:
    """Return what evaluators keep beside an answer, each with a title: their notes, and their probes' replies."""
    notes = [
        [f"{evaluator}: {name}", _cut(text)]
        for evaluator, found in (sample.get("notes") or {}).items()
        for name, text in found.items()
    ]
    probes = [
        [f"{evaluator}: probe {probe['name']}", _cut("\n".join(_told(probe)))]
        for evaluator, found in (sample.get("probes") or {}).items()
        for probe in found
    ]
    return notes + probes


def _told(probe: Mapping[str, Any]) -> Iterator[str]:
    asked = probe["prompt"]
    yield f"asked: {asked if isinstance(asked, str) else json.dumps(asked, ensure_ascii=False)}"
    if "log_probability" in probe:
        yield f"log-probability: {probe['log_probability']:.4f}"
    if "output" in probe:
        yield f"answered: {probe['output']}"
    if "error" in probe:
        yield f"failed: {probe['error']}"


def _prompt(prompt: Any) -> Any:
    if prompt is None or isinstance(prompt, str):
        return _cut(prompt or "")
    return [[str(message.get("role", "")), _cut(message.get("content", ""))] for message in prompt]


def _cut(value: Any) -> Any:
    """Return a text, or what the page shows of one that is too long: `{cut: its beginning, of: its length}`."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= MOST_CHARACTERS else {"cut": text[:MOST_CHARACTERS], "of": len(text)}
