"""The options of the reporter `s3`."""

from __future__ import annotations

import re
from typing import Any

import attrs
from attrs import validators

from llmops_sdk.plugin import Options, option


def _is_uri(_options: object, attribute: Any, value: str) -> None:
    if not re.fullmatch(r"s3://[^/?]+(/[^?]*)?(\?.*)?", value):
        message = f"{attribute.name} is written 's3://bucket/prefix', not {value!r}"
        raise ValueError(message)


@attrs.frozen(kw_only=True)
class S3Options(Options):
    """Where the tables are written."""

    uri: str = option(
        help="the bucket and prefix: s3://bucket/prefix, with ?region=, ?profile=, ?kms_key= as of a store; the settings of the "
        "plugin are the defaults",
        validator=_is_uri,
    )
    format: str = option(
        "csv",
        help="csv, with a manifest for QuickSight; parquet or jsonl, without one: its manifests know neither",
        validator=validators.in_(("csv", "parquet", "jsonl")),
    )
