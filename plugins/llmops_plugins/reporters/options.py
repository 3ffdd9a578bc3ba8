"""The options of the reporters."""

from __future__ import annotations

import attrs

from llmops_sdk.plugin import Options, option


@attrs.frozen(kw_only=True)
class HtmlOptions(Options):
    """Where the page is written."""

    path: str = option("", help="a file to write the page to as well; relative to the working directory")
