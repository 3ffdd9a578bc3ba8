"""The fixtures of whole runs on SageMaker: those of the plugin's own tests."""

from ...plugins.sagemaker.buckets import buckets  # noqa: F401 - a fixture
from ...plugins.sagemaker.fixtures import (  # noqa: F401 - fixtures
    _read_once,
    _resets,
    account,
    aws,
    cloud,
    jumpstart,
    make_context,
    moto_url,
    runtime,
    splits,
)
