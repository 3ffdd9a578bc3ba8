"""The cards of FMEval's algorithms. Nothing heavy is imported here."""

from __future__ import annotations

from llmops_plugins.fmeval import options
from llmops_sdk.plugin import EvaluatorCard


def _card(name: str, summary: str, load: str, made_from: type, *, probes: bool = False) -> EvaluatorCard:
    return EvaluatorCard(
        name=f"fmeval-{name}",
        summary=f"FMEval itself: {summary}",
        load=f"llmops_plugins.fmeval.{load}",
        options=made_from,
        extra="fmeval",  # nothing is required of this interpreter: the options check the one that FMEval runs in
        probes=probes,
    )


CARDS = (
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
        "toxicity", "how toxic the output is, as another model judges", "algorithms:Toxicity", options.ToxicityOptions
    ),
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
