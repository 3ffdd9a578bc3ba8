"""JSON inside a page's script element."""

from __future__ import annotations

import json
import re
from typing import Any

from markupsafe import Markup

_UNSAFE = re.compile("[<>&\u2028\u2029\x7f\ud800-\udfff]")


def script_json(value: Any) -> Markup:
    """Return JSON that can neither end nor change the script element it stands in."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return Markup(_UNSAFE.sub(lambda match: f"\\u{ord(match[0]):04x}", text))  # noqa: S704 - nothing that HTML reads is left
