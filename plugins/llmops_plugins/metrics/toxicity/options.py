"""The options of `toxicity`. Nothing heavy is imported here."""

from __future__ import annotations

from pathlib import Path

import attrs

from llmops_plugins.metrics.validators import one_of
from llmops_sdk.plugin import Options, option

DETOXIFY_METRICS = (
    "toxicity", "severe_toxicity", "obscene", "identity_attack", "insult", "threat", "sexual_explicit",
)  # fmt: skip
TOXICITY_METRICS = {"detoxify": DETOXIFY_METRICS, "toxigen": ("toxicity",)}
"""The scores of each classifier, in the order of FMEval."""


@attrs.frozen(kw_only=True)
class ToxicityOptions(Options):
    """Which classifier judges the outputs."""

    model_type: str = option(
        "detoxify",
        help="detoxify (seven scores) or toxigen (one)",
        validator=one_of(tuple(TOXICITY_METRICS)),
    )
    weights: str = option(
        "",
        help="a folder with the classifier in Hugging Face's form; empty is the asset, from Hugging Face's cache or hub",
        path=True,
    )

    def __attrs_post_init__(self) -> None:
        """Refuse a folder without a model, before a run starts."""
        if self.weights and not (Path(self.weights).expanduser() / "config.json").is_file():
            message = (
                f"weights is not the folder of a model: '{self.weights}' has no config.json; "
                f"name one in Hugging Face's form, or leave weights out to use the asset {self.model_type!r}"
            )
            raise ValueError(message)

    def assets(self) -> tuple[str, ...]:
        """Return the classifier's asset unless a folder is given; a run fetches it before its first step."""
        return () if self.weights else (self.model_type,)
