"""The options of the reporter `s3`."""

from __future__ import annotations

import pytest

from llmops_plugins.sagemaker.tables.options import S3Options


@pytest.mark.parametrize("uri", ["s3://bucket", "s3://bucket/a/b", "s3://bucket/a?region=eu-west-1"])
def test_a_bucket_with_or_without_a_prefix(uri: str) -> None:
    """And with the options that a store's URI may have."""
    assert uri == S3Options(uri=uri).uri


@pytest.mark.parametrize("uri", ["", "bucket/a", "s3:/bucket", "s3:///a", "https://bucket"])
def test_anything_else_is_refused(uri: str) -> None:
    """The message has the form."""
    with pytest.raises(ValueError, match="uri is written 's3://bucket/prefix', not"):
        S3Options(uri=uri)
