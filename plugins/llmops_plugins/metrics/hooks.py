"""What the metrics plugin offers. Nothing heavy is imported here."""

from __future__ import annotations

from llmops_plugins.metrics.judge import options as judge_options
from llmops_plugins.metrics.robustness import options as robustness_options
from llmops_plugins.metrics.tasks import options as task_options, summarization_options
from llmops_plugins.metrics.text import options as text_options
from llmops_plugins.metrics.toxicity import options as toxicity_options
from llmops_sdk.plugin import Asset, Check, EvaluatorCard, hookimpl


@hookimpl
def llmops_cards() -> tuple[EvaluatorCard, ...]:
    """Return the evaluators."""
    return (
        *summarization_options.CARDS,
        *task_options.CARDS,
        *robustness_options.CARDS,
        *toxicity_options.CARDS,
        *text_options.CARDS,
        *judge_options.CARDS,
    )


@hookimpl
def llmops_assets() -> tuple[Asset, ...]:
    """Return WordNet, NLTK's sentence model, the small encoder, and the classifiers for toxicity."""
    from llmops_plugins.metrics.assets import metrics_assets
    from llmops_plugins.metrics.toxicity.assets import toxicity_assets

    return (*metrics_assets(), *toxicity_assets())


@hookimpl
def llmops_checks() -> tuple[Check, ...]:
    """Return what `llmops doctor` should look at."""
    from llmops_plugins.metrics.checks import checks

    return checks()
