"""The options of the reporter `mlflow`. Nothing heavy is imported here."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from llmops_sdk.plugin import Options, option

OWN_TAGS = "llmops."
"""What the names of the reporter's own tags start with."""


def _tags(_options: object, _attribute: object, value: Mapping[str, str]) -> None:
    for name in value:
        if name.startswith(OWN_TAGS):
            message = f"the tag {name!r} cannot be set: the reporter finds by such tags what it wrote before"
            raise ValueError(message)


@attrs.frozen(kw_only=True)
class MlflowOptions(Options):
    """Where in MLflow a run is written, and how much of it."""

    tracking_uri: str = option(
        "",
        help="the server (http://127.0.0.1:5000), or the ARN of SageMaker's managed MLflow, which needs sagemaker-mlflow; by default "
        "the environment variable MLFLOW_TRACKING_URI",
    )
    experiment: str = option(
        "", help="the experiment, which is created if there is none; by default the pipeline's name"
    )
    tags: Mapping[str, str] = option(factory=dict, validator=_tags, help="further tags of everything that is written")
    log_samples: bool = option(
        True,
        help="also write what shows texts: the samples of each candidate, and report.html; false writes numbers and results.json",
    )
