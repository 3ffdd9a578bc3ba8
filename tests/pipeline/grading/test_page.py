"""The page of a sheet: it loads nothing, and what models wrote cannot leave its place."""

from __future__ import annotations

import json
import re

from llmops_sdk.pipeline.grading.page import sheet_page
from llmops_sdk.pipeline.grading.sheet import Row, Sheet
from llmops_sdk.values.scores import Metric


def test_answers_are_data() -> None:
    """An answer that ends the script element is escaped, and read back as it is."""
    answer = "</script><script>alert(1)</script>\u2028<b>"
    sheet = Sheet((Row("0f", "why?", "", answer),), 1, Metric("judge", "Judge <1-5>", bounds=(1.0, 5.0)))

    page = sheet_page(sheet, "grades")
    data = json.loads(re.findall(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)[0])

    assert answer == data["rows"][0]["answer"]
    assert (1.0, 5.0, "grades") == (data["low"], data["high"], data["name"])
    assert 2 == page.count("</script>")
    assert "Judge &lt;1-5&gt;" in page


def test_nothing_is_loaded() -> None:
    """The policy allows the page's own style and script by their hashes alone."""
    page = sheet_page(Sheet((), 0, Metric("judge", bounds=(0.0, 1.0))), "grades")

    assert "default-src &#39;none&#39;; style-src &#39;sha256-" in page
    assert not re.findall(r"(?:src|href)=", page)
