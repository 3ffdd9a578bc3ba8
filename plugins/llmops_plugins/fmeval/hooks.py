"""What the fmeval plugin offers: FMEval's algorithms as evaluators. Nothing heavy is imported here."""

from __future__ import annotations

from llmops_plugins.fmeval import options
from llmops_sdk.plugin import Asset, Check, EvaluatorCard, Options, hookimpl


@hookimpl
def llmops_cards() -> tuple[EvaluatorCard, ...]:
    """Return the evaluators: FMEval's algorithms."""
    return (*_algorithm_cards(), *_robustness_cards())


@hookimpl
def llmops_assets() -> tuple[Asset, ...]:
    """Return FMEval's environment, and the checkpoint of Detoxify, which its toxicity needs."""
    from llmops_plugins.fmeval.detoxify import detoxify_asset
    from llmops_plugins.fmeval.interpreter import fmeval_asset

    return (fmeval_asset(), detoxify_asset())


@hookimpl
def llmops_checks() -> tuple[Check, ...]:
    """Return the checks of `llmops doctor`."""
    from llmops_plugins.fmeval.checks import checks

    return checks()


def _algorithm_cards() -> tuple[EvaluatorCard, ...]:
    return (
        _card(
            "summarization-accuracy",
            "ROUGE, METEOR and BERTScore against a reference",
            "algorithms:SummarizationAccuracy",
            options.SummarizationAccuracyOptions,
        ),
        _card(
            "qa-accuracy",
            "F1, exact match, precision and recall over words, BERTScore",
            "algorithms:QAAccuracy",
            options.QAAccuracyOptions,
        ),
        _card(
            "factual-knowledge",
            "whether the output contains an expected answer",
            "algorithms:FactualKnowledge",
            options.FactualKnowledgeOptions,
        ),
        _card(
            "classification-accuracy",
            "whether the first label in the output is the true one",
            "algorithms:ClassificationAccuracy",
            options.ClassificationAccuracyOptions,
        ),
        _card(
            "prompt-stereotyping",
            "which of two sentences the model finds likelier",
            "algorithms:PromptStereotyping",
            options.PromptStereotypingOptions,
            probes=True,
        ),
        _card(
            "toxicity",
            "how toxic the output is, by a classifier",
            "algorithms:Toxicity",
            options.ToxicityOptions,
        ),
    )


def _robustness_cards() -> tuple[EvaluatorCard, ...]:
    return (
        _card(
            "summarization-accuracy-semantic-robustness",
            "how ROUGE, METEOR and BERTScore change when the question is changed a little",
            "robustness:SummarizationAccuracySemanticRobustness",
            options.SummarizationAccuracySemanticRobustnessOptions,
            probes=True,
        ),
        _card(
            "qa-accuracy-semantic-robustness",
            "how the scores of an answer change when the question is changed a little",
            "robustness:QAAccuracySemanticRobustness",
            options.QAAccuracySemanticRobustnessOptions,
            probes=True,
        ),
        _card(
            "classification-accuracy-semantic-robustness",
            "how the label changes when the question is changed a little",
            "robustness:ClassificationAccuracySemanticRobustness",
            options.ClassificationAccuracySemanticRobustnessOptions,
            probes=True,
        ),
        _card(
            "general-semantic-robustness",
            "how the output changes when the question is changed a little: word error rate and BERTScore",
            "robustness:GeneralSemanticRobustness",
            options.GeneralSemanticRobustnessOptions,
            probes=True,
        ),
    )


def _card(name: str, summary: str, load: str, options_class: type[Options], *, probes: bool = False) -> EvaluatorCard:
    return EvaluatorCard(
        name=f"fmeval-{name}",
        summary=f"FMEval itself: {summary}",
        load=f"llmops_plugins.fmeval.{load}",
        options=options_class,
        extra="metrics",  # converts and reads its assets; FMEval itself is in an environment of its own
        probes=probes,
    )
