"""JSON inside a page."""

from __future__ import annotations

import json
import re

from llmops_sdk.report.script_json import script_json

from .samples import HOSTILE


def test_script_json_has_nothing_that_html_reads() -> None:
    """No text can end the script element, and the JSON still says the same."""
    written = script_json(list(HOSTILE))
    assert not re.search("[<>&\u2028\u2029\ud800-\udfff]", written)
    assert list(HOSTILE) == json.loads(written)
