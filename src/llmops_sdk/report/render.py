"""The report of a run: one HTML file that stands alone, loads nothing and shows what its numbers rest on.

Everything that models and datasets wrote is untrusted: the page escapes it, its scripts only ever set text, and its
content security policy allows the page's own style and scripts by their hashes, and no load at all.
"""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from llmops_sdk.record.layout import samples_file
from llmops_sdk.report.boards import candidate_colours, report_boards, verdict_details
from llmops_sdk.report.curves import curve_plots, curves_json, trainings
from llmops_sdk.report.data import MOST_RECORDS, ReportData
from llmops_sdk.report.numbers import amount, duration, interval, number
from llmops_sdk.report.records import MOST_CHARACTERS
from llmops_sdk.values.names import weights_text

_SCRIPTS = ("theme.js", "page.js", "words.js", "records.js")
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


def write_report(report: ReportData, path: Path) -> Path:
    """Write the report of a run to a file, by rename, and return the file's path."""
    text = render_report(report)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        draft.write_text(text, encoding="utf-8", newline="\n")
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return path


def render_report(report: ReportData) -> str:
    """Return the report as one HTML page."""
    environment = _environment()
    colours = candidate_colours(report.results)
    trained = trainings(report.results, colours)
    drawn = [training for training in trained if len(training.model.curve) > 1]
    style = environment.get_template("report.css").render()
    scripts = [environment.get_template(name).render() for name in _SCRIPTS]
    page = environment.get_template("report.html.jinja").render(
        report=report,
        results=report.results,
        boards=report_boards(report, colours),
        trainings=trained,
        plots=curve_plots(drawn),
        curves=curves_json(drawn),
        colours=colours,
        most_records=MOST_RECORDS,
        most_characters=MOST_CHARACTERS,
        style=Markup(style),  # noqa: S704 - a file of this package
        scripts=[Markup(script) for script in scripts],  # noqa: S704 - files of this package
        policy=_policy(style, scripts),
    )
    return _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", page)


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
        "samples_file": samples_file,
    }
    return environment


def _policy(style: str, scripts: Iterable[str]) -> str:
    """Return the page's content security policy."""
    allowed = " ".join(_source(script) for script in scripts)
    return f"default-src 'none'; style-src {_source(style)}; script-src {allowed}; base-uri 'none'; form-action 'none'"


def _source(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
