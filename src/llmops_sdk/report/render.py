"""The report of a run: one HTML file that stands alone, loads nothing and shows what its numbers rest on.

Everything that models and datasets wrote is untrusted: the page escapes it, its scripts only ever set text, and its
content security policy allows the page's own style and scripts by their hashes, and no load at all.
"""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from llmops_sdk.report.boards import candidate_colours, report_boards, verdict_details
from llmops_sdk.report.curves import curve_plots, curves_json, trainings
from llmops_sdk.report.data import ReportData
from llmops_sdk.report.loads import load_plot, model_colours
from llmops_sdk.report.numbers import amount, duration, interval, number
from llmops_sdk.report.records.pages import DatasetRecords
from llmops_sdk.values.names import weights_text
from llmops_sdk.values.prices import dollars

_SCRIPTS = (
    "theme.js",
    "page.js",
    "dom.js",
    "words.js",
    "chunks.js",
    "selection.js",
    "record.js",
    "strip.js",
    "records.js",
    "keys.js",
)
_CHUNKS = "<!-- chunks -->"
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


def write_report(report: ReportData, path: Path) -> Path:
    """Write the report of a run to a file, by rename, and return the file's path."""
    return write_page(page_parts(report), path)


def render_report(report: ReportData) -> str:
    """Return the report as one HTML page."""
    return "".join(page_parts(report))


def page_parts(report: ReportData) -> Iterator[str]:
    """Yield the report as one HTML page, in parts."""
    colours = candidate_colours(report.results)
    trained = trainings(report.results, colours)
    drawn = [training for training in trained if len(training.model.curve) > 1]
    load_colours = model_colours(report.results, colours)
    boards = report_boards(report, colours)
    records = [board.records for board in boards]
    damages = [damage for part in records for damage in part.packed.damages]
    metadata = {**report.metadata, **({"damaged": "; ".join(damages)} if damages else {})}
    context = {
        "report": report,
        "metadata": metadata,
        "results": report.results,
        "boards": boards,
        "trainings": trained,
        "plots": curve_plots(drawn),
        "curves": curves_json(drawn),
        "colours": colours,
        "load_colours": load_colours,
        "load_plot": load_plot(report.results.loads, load_colours),
    }
    return render_page("report.html.jinja", context, records)


def render_page(template: str, context: dict[str, Any], records: Sequence[DatasetRecords]) -> Iterator[str]:
    """Yield a page with records, in parts.

    The first chunk of each dataset is inside the page and the others are at its end: a browser draws the first records
    while it still reads the rest.

    Args:
        template: The name of the page's template.
        context: What the template needs beside style, scripts and records.
        records: The records of each dataset.
    """
    environment = _environment()
    style = environment.get_template("report.css").render()
    scripts = [environment.get_template(name).render() for name in _SCRIPTS]
    page = environment.get_template(template).render(
        **context,
        records=records,
        style=Markup(style),  # noqa: S704 - a file of this package
        scripts=[Markup(script) for script in scripts],  # noqa: S704 - files of this package
        policy=_policy(style, scripts),
    )
    start, _, end = page.rpartition(_CHUNKS)
    yield _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", start)
    for place, part in enumerate(records):
        for at, chunk in enumerate(part.packed.chunks[1:], start=1):
            yield f'<script type="text/plain" id="records-{place}-{at}">{chunk}</script>\n'
    yield end


def write_page(parts: Iterable[str], path: Path) -> Path:
    """Write the parts of a page to a file, by rename, and return the file's path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with draft.open("w", encoding="utf-8", newline="\n") as file:
            file.writelines(parts)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return path


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("llmops_sdk.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "number": number,
        "amount": amount,
        "interval": interval,
        "duration": duration,
        "details": verdict_details,
        "weights": weights_text,
        "dollars": dollars,
    }
    return environment


def _policy(style: str, scripts: Iterable[str]) -> str:
    """Return the page's content security policy."""
    allowed = " ".join(_source(script) for script in scripts)
    return f"default-src 'none'; style-src {_source(style)}; script-src {allowed}; base-uri 'none'; form-action 'none'"


def _source(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
