"""A headless Chromium that fails the test when a page logs an error, opens a dialog or requests anything."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import attrs

from llmops_sdk.report.data import ReportData
from llmops_sdk.report.render import write_report


@attrs.define(slots=False)  # playwright hangs its own attribute on the handler's owner
class Browser:
    """A headless Chromium, and every complaint and request of its pages."""

    chromium: Any
    folder: Path
    complaints: list[str] = attrs.field(factory=list)
    requests: list[str] = attrs.field(factory=list)

    def open(self, data: ReportData | Path, *, width: int = 1440, scheme: str = "light", anchor: str = "") -> Any:
        """Open the report of `data`, or one that was written, in a window of its own, with its first records drawn."""
        page = self.page(width, scheme)
        page.goto(self.write(data).as_uri() + anchor)
        wait(page)
        return page

    def write(self, data: ReportData | Path) -> Path:
        """Return the file of a report."""
        if isinstance(data, Path):
            return data
        return write_report(data, self.folder / f"{len(list(self.folder.iterdir()))}.html")

    def page(self, width: int = 1440, scheme: str = "light") -> Any:
        """Return an empty page in a window of its own."""
        page = self.chromium.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme).new_page()
        page.set_default_timeout(10_000)
        page.on("console", lambda message: self.complaints.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        page.on("dialog", self._dismiss)
        page.on("request", lambda request: self.requests.append(request.url))
        return page

    def _dismiss(self, dialog: Any) -> None:
        self.complaints.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def unexpected(self) -> list[str]:
        """Return the complaints of all pages, and the requests of anything but reports."""
        others = [url for url in self.requests if not re.fullmatch(r"file://.*/[\w-]+\.html(#.*)?", url)]
        return [*self.complaints, *others]


_TABLES = "[...document.querySelectorAll('[data-records]')].filter((home) => document.getElementById(home.dataset.records)).length"


def wait(page: Any) -> None:
    """Wait until the records of a page are drawn: what was clicked, chosen or searched is shown."""
    tables = page.evaluate(_TABLES)
    if tables:
        page.locator('.records .frame[aria-busy="false"]').nth(tables - 1).wait_for(state="attached")


def shown(page: Any) -> list[int]:
    """Return the numbers of the records that the table shows."""
    wait(page)
    return [int(text) for text in page.locator(".unfold").all_inner_texts()]
