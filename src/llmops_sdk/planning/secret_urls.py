"""URLs with a password or a signature: a plan is what runs, is stored and is reported, so it may hold none."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from llmops_sdk.errors import SpecError

_PASSWORD = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://[^/\s?#:@]*:[^/\s?#@]+@")
# Longer than the names of users: an access token in place of one.
_TOKEN = re.compile(r"https?://[^/\s?#:@]{20,}@", re.IGNORECASE)
_SIGNATURE = re.compile(
    r"://\S*[?&#](x-amz-(?:signature|security-token|credential)|x-goog-(?:signature|credential)|signature|sig"
    r"|(?:access_|auth_|id_)?token|api[_-]?key|subscription-key|password|passwd|secret|client_secret)=[^&\s#]",
    re.IGNORECASE,
)


def refuse_secret_urls(values: Any, where: str) -> None:
    """Refuse options that hold a URL with a password or a signature.

    A plan cannot mask it: what masks it in the plan takes it from the step that needs it, on whatever machine that runs.

    Args:
        values: Options, or a value in them.
        where: How error messages start.

    Raises:
        SpecError: One does. The message has the option's name, and nothing of the URL.
    """
    if isinstance(values, Mapping):
        for name, value in values.items():
            refuse_secret_urls(name, f"a name in {where}")
            refuse_secret_urls(value, f"{where}.{name}")
    elif isinstance(values, (list, tuple)):
        for number, value in enumerate(values):
            refuse_secret_urls(value, f"{where}.{number}")
    elif isinstance(values, str) and "://" in values:
        parameter = _SIGNATURE.search(values)
        is_token = _TOKEN.search(values) is not None
        if parameter is None and not is_token and not _PASSWORD.search(values):
            return
        secret = f"the parameter {parameter[1]!r}" if parameter else "a token" if is_token else "a password"
        message = (
            f"{where} is a URL with {secret}, which the plan, the record and the report would show; leave it out of the "
            "URL, and give it in an option that takes a reference such as 'env:NAME', or in the plugin's own environment variable"
        )
        raise SpecError(message)
