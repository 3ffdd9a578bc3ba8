"""The fixtures of the tests of the SageMaker plugin."""

from .buckets import buckets  # noqa: F401 - a fixture
from .fixtures import (  # noqa: F401 - fixtures
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
