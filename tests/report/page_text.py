"""The records of a report, read from its page."""

from __future__ import annotations

import re
from typing import Any

from llmops_sdk.report.records.pages import inflate


def page_index(page: str, place: int = 0) -> dict[str, Any]:
    """Return the index of the records of a page: the head and the numbers of a dataset."""
    found = re.search(f'<script type="text/plain" id="records-{place}">([^<]*)</script>', page)
    assert found is not None
    index: dict[str, Any] = inflate(found[1])
    return index


def page_records(page: str, place: int = 0) -> list[dict[str, Any]]:
    """Return the texts of all records of a dataset of a page."""
    chunks = re.findall(f'<script type="text/plain" id="records-{place}-\\d+">([^<]*)</script>', page)
    return [record for chunk in chunks for record in inflate(chunk)["records"]]
