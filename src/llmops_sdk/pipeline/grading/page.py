"""The sheet as a page: one answer at a time, a button for each grade, and the CSV to send back. It loads nothing."""

from __future__ import annotations

import base64
import hashlib
from importlib.resources import files

import attrs
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from llmops_sdk.pipeline.grading.sheet import Sheet
from llmops_sdk.report.script_json import script_json

_FOLDER = "templates"


def sheet_page(sheet: Sheet, name: str) -> str:
    """Return the page of a sheet.

    Everything that models and datasets wrote is data of a script that only sets text; the page's content security policy
    allows its own style and script by their hashes, and no load.

    Args:
        sheet: The sheet.
        name: What the downloaded file is called, without its ending.
    """
    folder = files("llmops_sdk.pipeline.grading") / _FOLDER
    style, script = ((folder / file).read_text(encoding="utf-8") for file in ("page.css", "page.js"))
    low, high = sheet.metric.bounds or (0.0, 1.0)
    data = {
        "rows": [attrs.asdict(row) for row in sheet.rows],
        "low": low,
        "high": high,
        "name": name,
    }
    environment = Environment(
        loader=PackageLoader("llmops_sdk.pipeline.grading", _FOLDER), autoescape=True, undefined=StrictUndefined
    )
    return environment.get_template("page.html.jinja").render(
        label=sheet.metric.label or sheet.metric.name,
        low=f"{low:g}",
        high=f"{high:g}",
        data=script_json(data),
        style=Markup(style),  # noqa: S704 - a file of this package
        script=Markup(script),  # noqa: S704 - a file of this package
        policy=f"default-src 'none'; style-src {_source(style)}; script-src {_source(script)}",
    )


def _source(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
