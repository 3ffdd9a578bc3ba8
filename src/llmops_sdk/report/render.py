"""The report of a run: one HTML file that stands alone, loads nothing and shows what its numbers rest on.

Everything that models and datasets wrote is untrusted: the page escapes it, its scripts only ever set text, and its
content security policy allows the page's own style and scripts by their hashes, and no load at all.
"""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from itertools import islice
from pathlib import Path

import attrs
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from llmops_sdk.record.layout import samples_file
from llmops_sdk.report.charts import Axis, Training, curve_plots, interval_axis
from llmops_sdk.report.data import MOST_RECORDS, ReportData
from llmops_sdk.report.numbers import amount, duration, finite, interval, number
from llmops_sdk.report.records import MOST_CHARACTERS, Sample, pack_record, script_json
from llmops_sdk.values.models import TrainedModel
from llmops_sdk.values.results import CellResult, Difference, Estimate, FailedCell, Leaderboard, Results
from llmops_sdk.values.scores import Metric

MOST_BYTES = 24_000_000
"""JSON of one dataset's records at which a report takes no more of them, should they be very long."""

COLOURS = 10
"""Colours of candidates that the page has."""


def write_report(report: ReportData, path: Path) -> Path:
    """Write the report of a run to a file, by rename, and return the file's path."""
    text = render_report(report)
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        beside.write_text(text, encoding="utf-8", newline="\n")
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
    return path


def render_report(report: ReportData) -> str:
    """Return the report as one HTML page."""
    environment = _environment()
    colours = _colours(report.results)
    trainings = _trainings(report.results, colours)
    drawn = [training for training in trainings if len(training.model.curve) > 1]
    style = environment.get_template("report.css").render()
    scripts = [environment.get_template(name).render() for name in _SCRIPTS]
    page = environment.get_template("report.html.jinja").render(
        report=report,
        results=report.results,
        boards=[_board(board, report, colours) for board in report.results.leaderboards],
        trainings=trainings,
        plots=curve_plots(drawn),
        curves=_curves(drawn),
        colours=colours,
        most_records=MOST_RECORDS,
        most_characters=MOST_CHARACTERS,
        style=Markup(style),  # noqa: S704 - a file of this package
        scripts=[Markup(script) for script in scripts],  # noqa: S704 - files of this package
        policy=_policy(style, scripts),
    )
    return _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", page)


_SCRIPTS = ("theme.js", "page.js", "words.js", "records.js")
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


@attrs.frozen
class _Board:
    """A leaderboard with all that the page draws of it."""

    board: Leaderboard
    metrics: tuple[Metric, ...]
    scales: Mapping[str, Axis]
    gap_scales: Mapping[str, Axis]
    best: CellResult | None
    lead: Difference | None
    records: int
    shown: int
    payload: Markup

    def gaps(self, metric: str) -> list[Difference]:
        """Return the differences to the best, in the order of the table."""
        found = {d.candidate: d for d in self.board.differences if d.metric == metric}
        return [found[cell.candidate] for cell in self.board.cells if cell.candidate in found]


def _board(board: Leaderboard, report: ReportData, colours: Mapping[str, int]) -> _Board:
    metrics = _metrics(board, report.results)
    records = _side_by_side(board, report.samples)
    counts = [cell.records for cell in board.cells]
    counts += [dataset.test for dataset in report.datasets if dataset.name == board.dataset]
    total = max([*counts, len(records)], default=0)
    payload, shown = _payload(board, metrics, records, colours)
    return _Board(
        board=board,
        metrics=metrics,
        scales={
            m.name: interval_axis(cell.estimates[m.name] for cell in board.cells if m.name in cell.estimates)
            for m in metrics
        },
        gap_scales={
            m.name: interval_axis((d.estimate for d in board.differences if d.metric == m.name), 0.0) for m in metrics
        },
        best=next((cell for cell in board.cells if cell.candidate == board.verdict.best), None),
        lead=_lead(board),
        records=total,
        shown=shown,
        payload=payload,
    )


def _colours(results: Results) -> dict[str, int]:
    """Give every candidate the same colour throughout the page."""
    names = dict.fromkeys(entry.candidate for board in results.leaderboards for entry in _entries(board))
    return {name: place % COLOURS for place, name in enumerate(names)}


def _entries(board: Leaderboard) -> tuple[CellResult | FailedCell, ...]:
    return (*board.cells, *board.failed)


def _metrics(board: Leaderboard, results: Results) -> tuple[Metric, ...]:
    """Return the metrics that a candidate has a number for, the one that decides first."""
    known = {metric.name: metric for evaluator in results.evaluators for metric in evaluator.metrics}
    seen = dict.fromkeys(name for cell in board.cells for name in cell.estimates)
    names = [name for name in known if name in seen] + [name for name in seen if name not in known]
    names.sort(key=lambda name: name != board.metric)
    return tuple(known.get(name, Metric(name)) for name in names)


def _lead(board: Leaderboard) -> Difference | None:
    """Return the difference of the best to the next candidate, or None where there is no next."""
    best = board.verdict.best
    found = {d.candidate: d for d in board.differences if d.metric == board.metric and d.versus == best}
    behind = next((found[cell.candidate] for cell in board.cells if cell.candidate in found), None)
    if behind is None:
        return None
    gap = behind.estimate
    ahead = Estimate(-gap.mean, -gap.high, -gap.low, gap.records)
    return Difference(best, behind.candidate, board.metric, ahead, better=behind.worse, worse=behind.better)


def _trainings(results: Results, colours: Mapping[str, int]) -> list[Training]:
    """Return every trained model once, with the candidates that use it."""
    found: list[tuple[TrainedModel, list[str]]] = []
    for cell in (cell for board in results.leaderboards for cell in board.cells):
        if cell.training is None:
            continue
        names = next((names for model, names in found if model == cell.training), None)
        if names is None:
            names = []
            found.append((cell.training, names))
        if cell.candidate not in names:
            names.append(cell.candidate)
    return [Training(", ".join(names), colours[names[0]], model) for model, names in found]


def _curves(trainings: Sequence[Training]) -> Markup:
    """Return the JSON of the loss curves: step, tokens, seconds, loss and held-out loss of every point."""
    points = [
        [[p.step, p.tokens, finite(p.seconds), finite(p.loss), finite(p.held_out_loss)] for p in training.model.curve]
        for training in trainings
    ]
    return script_json(
        [{"label": t.label, "colour": t.colour, "points": p} for t, p in zip(trainings, points, strict=True)]
    )


def _side_by_side(board: Leaderboard, samples: Mapping[str, Sequence[Sample]]) -> dict[int, dict[str, Sample]]:
    """Put the samples of a dataset's cells side by side: index to cell to sample, at most `MOST_RECORDS`."""
    rows: dict[int, dict[str, Sample]] = {}
    for entry in _entries(board):
        for sample in samples.get(entry.cell, ()):
            rows.setdefault(sample["index"], {})[entry.cell] = sample
    return dict(islice(sorted(rows.items()), MOST_RECORDS))


def _payload(
    board: Leaderboard,
    metrics: tuple[Metric, ...],
    records: Mapping[int, Mapping[str, Sample]],
    colours: Mapping[str, int],
) -> tuple[Markup, int]:
    """Return the JSON of the records that the page's script shows, and how many records it has."""
    cells = [entry for entry in _entries(board) if any(entry.cell in row for row in records.values())]
    prompts = [entry.prompt if isinstance(entry, CellResult) else entry.cell for entry in cells]
    places = [(entry.cell, prompt) for entry, prompt in zip(cells, prompts, strict=True)]
    packed: list[Markup] = []
    size = 0
    for index, row in records.items():
        text = script_json(pack_record(index, row, places, metrics))
        size += len(text)
        if size > MOST_BYTES and packed:
            break
        packed.append(text)
    head = {
        "dataset": board.dataset,
        "best": board.verdict.best,
        "metrics": [{"name": m.name, "label": m.label or m.name, "higher": m.higher_is_better} for m in metrics],
        "candidates": [
            {"name": entry.candidate, "cell": entry.cell, "prompt": prompt, "colour": colours[entry.candidate]}
            for entry, prompt in zip(cells, prompts, strict=True)
        ],
    }
    records_json = Markup(",").join(packed)
    return Markup('{{"head":{},"records":[{}]}}').format(script_json(head), records_json), len(packed)


@cache
def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("llmops_sdk.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "number": number,
        "amount": amount,
        "interval": interval,
        "duration": duration,
        "samples_file": samples_file,
    }
    return made


def _policy(style: str, scripts: Iterable[str]) -> str:
    """Return the page's content security policy."""
    allowed = " ".join(_source(script) for script in scripts)
    return f"default-src 'none'; style-src {_source(style)}; script-src {allowed}; base-uri 'none'; form-action 'none'"


def _source(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
