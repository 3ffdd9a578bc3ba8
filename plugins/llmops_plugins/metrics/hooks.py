"""What the metrics plugin offers. Nothing heavy is imported here."""

from __future__ import annotations

from llmops_plugins.metrics.bertscore.options import MinilmOptions
from llmops_plugins.metrics.choices.options import ChoiceLikelihoodOptions, MultipleChoiceOptions
from llmops_plugins.metrics.judge.options import JudgeOptions, PairwiseOptions
from llmops_plugins.metrics.labels.options import ClassificationOptions
from llmops_plugins.metrics.robustness.options import (
    ClassificationAccuracySemanticRobustnessOptions,
    GeneralSemanticRobustnessOptions,
    QAAccuracySemanticRobustnessOptions,
    SummarizationAccuracySemanticRobustnessOptions,
)
from llmops_plugins.metrics.rules.options import (
    LanguageOptions,
    LengthOptions,
    MatchOptions,
    NumericOptions,
    RefusalOptions,
)
from llmops_plugins.metrics.structured.options import (
    JsonFieldsOptions,
    JsonSchemaOptions,
    JsonValidityOptions,
    ToolCallsOptions,
)
from llmops_plugins.metrics.tasks.options import (
    ClassificationAccuracyOptions,
    FactualKnowledgeOptions,
    PromptStereotypingOptions,
    QAAccuracyOptions,
    SummarizationAccuracyOptions,
)
from llmops_plugins.metrics.text.options import TextMetricsOptions
from llmops_plugins.metrics.toxicity.options import ToxicityOptions
from llmops_sdk.plugin import Asset, Check, EvaluatorCard, RetrieverCard, hookimpl

_PACKAGE = "llmops_plugins.metrics"
_SUMMARIZATION_REQUIRES = ("regex", "rouge_score")  # and for BERTScore onnxruntime, or else torch and transformers


@hookimpl
def llmops_cards() -> tuple[EvaluatorCard | RetrieverCard, ...]:
    """Return the evaluators, and the retriever that compares texts as BERTScore does."""
    return (_minilm_card(), *_task_cards(), *_rule_cards(), *_structured_cards(), *_robustness_cards(), *_other_cards())


@hookimpl
def llmops_assets() -> tuple[Asset, ...]:
    """Return WordNet, NLTK's sentence model, the small encoder, and the classifiers for toxicity."""
    from llmops_plugins.metrics.bertscore.assets import minilm_asset
    from llmops_plugins.metrics.meteor.assets import punkt_asset, wordnet_asset
    from llmops_plugins.metrics.toxicity.assets import toxicity_assets

    return (wordnet_asset(), punkt_asset(), minilm_asset(), *toxicity_assets())


@hookimpl
def llmops_checks() -> tuple[Check, ...]:
    """Return the checks of `llmops doctor`."""
    from llmops_plugins.metrics.checks import checks

    return checks()


def _minilm_card() -> RetrieverCard:
    return RetrieverCard(
        name="minilm",
        summary="texts that mean the same as the record, by the small encoder that BERTScore uses",
        load=f"{_PACKAGE}.bertscore.retriever:MinilmRetriever",
        options=MinilmOptions,
        extra="metrics",
    )


def _task_cards() -> tuple[EvaluatorCard, ...]:
    return (
        EvaluatorCard(
            name="summarization-accuracy",
            summary="ROUGE, METEOR and BERTScore against a reference, with FMEval's definitions and values",
            load=f"{_PACKAGE}.tasks.summarization:SummarizationAccuracy",
            options=SummarizationAccuracyOptions,
            extra="metrics",
            requires=_SUMMARIZATION_REQUIRES,
            result_version=2,
        ),
        EvaluatorCard(
            name="qa-accuracy",
            summary="F1, exact match, precision and recall over words, BERTScore, with FMEval's definitions and values",
            load=f"{_PACKAGE}.tasks.qa:QAAccuracy",
            options=QAAccuracyOptions,
            result_version=2,
        ),
        EvaluatorCard(
            name="factual-knowledge",
            summary="whether the output contains an expected answer, with FMEval's definitions and values",
            load=f"{_PACKAGE}.tasks.factual:FactualKnowledge",
            options=FactualKnowledgeOptions,
            result_version=2,
        ),
        EvaluatorCard(
            name="classification-accuracy",
            summary="whether the first label in the output is the true one, with FMEval's definition",
            load=f"{_PACKAGE}.tasks.classification:ClassificationAccuracy",
            options=ClassificationAccuracyOptions,
        ),
        EvaluatorCard(
            name="prompt-stereotyping",
            summary="which of two sentences the model finds likelier, with FMEval's definitions (CrowS-Pairs)",
            load=f"{_PACKAGE}.tasks.stereotyping:PromptStereotyping",
            options=PromptStereotypingOptions,
            probes=True,
        ),
    )


def _rule_cards() -> tuple[EvaluatorCard, ...]:
    return (
        EvaluatorCard(
            name="match",
            summary="whether the output is or contains an accepted answer, or matches a regular expression",
            load=f"{_PACKAGE}.rules.match:Match",
            options=MatchOptions,
        ),
        EvaluatorCard(
            name="numeric",
            summary="whether the number in the output is the right one, within a tolerance",
            load=f"{_PACKAGE}.rules.numeric:Numeric",
            options=NumericOptions,
        ),
        EvaluatorCard(
            name="multiple-choice",
            summary="whether the letter in the output is that of the right choice",
            load=f"{_PACKAGE}.choices.multiple_choice:MultipleChoice",
            options=MultipleChoiceOptions,
        ),
        EvaluatorCard(
            name="choice-likelihood",
            summary="whether the model finds the right choice likeliest, as lm-eval's acc and acc_norm",
            load=f"{_PACKAGE}.choices.likelihood:ChoiceLikelihood",
            options=ChoiceLikelihoodOptions,
            probes=True,
        ),
        EvaluatorCard(
            name="classification",
            summary="whether the label in the output is the true one; with macro F1 and a confusion table",
            load=f"{_PACKAGE}.labels.classification:Classification",
            options=ClassificationOptions,
            has_summary=True,
        ),
        EvaluatorCard(
            name="length",
            summary="whether the output has the length that was asked for",
            load=f"{_PACKAGE}.rules.length:Length",
            options=LengthOptions,
        ),
        EvaluatorCard(
            name="language",
            summary="whether the output is in the right language, by the identifier py3langid",
            load=f"{_PACKAGE}.rules.language:Language",
            options=LanguageOptions,
            extra="language",
            requires=("py3langid",),
        ),
        EvaluatorCard(
            name="refusal",
            summary="whether the output starts with a refusal, by a list of English phrases",
            load=f"{_PACKAGE}.rules.refusal:Refusal",
            options=RefusalOptions,
        ),
    )


def _structured_cards() -> tuple[EvaluatorCard, ...]:
    return (
        EvaluatorCard(
            name="json-validity",
            summary="whether the output is valid JSON",
            load=f"{_PACKAGE}.structured.validity:JsonValidity",
            options=JsonValidityOptions,
        ),
        EvaluatorCard(
            name="json-schema",
            summary="whether the output is JSON that fits a schema",
            load=f"{_PACKAGE}.structured.schema:JsonSchema",
            options=JsonSchemaOptions,
            extra="metrics",
            requires=("jsonschema",),
        ),
        EvaluatorCard(
            name="json-fields",
            summary="precision, recall and F1 of the fields in the output's JSON",
            load=f"{_PACKAGE}.structured.fields:JsonFields",
            options=JsonFieldsOptions,
        ),
        EvaluatorCard(
            name="tool-calls",
            summary="whether the output calls the expected tools with the same arguments",
            load=f"{_PACKAGE}.structured.tool_calls:ToolCalls",
            options=ToolCallsOptions,
        ),
    )


def _robustness_cards() -> tuple[EvaluatorCard, ...]:
    return (
        EvaluatorCard(
            name="summarization-accuracy-semantic-robustness",
            summary="how ROUGE, METEOR and BERTScore change with typing errors in the question, as FMEval defines it",
            load=f"{_PACKAGE}.robustness.evaluators:SummarizationAccuracySemanticRobustness",
            options=SummarizationAccuracySemanticRobustnessOptions,
            extra="metrics",
            requires=_SUMMARIZATION_REQUIRES,
            probes=True,
            result_version=2,
        ),
        EvaluatorCard(
            name="qa-accuracy-semantic-robustness",
            summary="how F1, exact match and the others change with typing errors in the question, as FMEval defines it",
            load=f"{_PACKAGE}.robustness.evaluators:QAAccuracySemanticRobustness",
            options=QAAccuracySemanticRobustnessOptions,
            probes=True,
            result_version=2,
        ),
        EvaluatorCard(
            name="classification-accuracy-semantic-robustness",
            summary="how the label changes with typing errors in the question, as FMEval defines it",
            load=f"{_PACKAGE}.robustness.evaluators:ClassificationAccuracySemanticRobustness",
            options=ClassificationAccuracySemanticRobustnessOptions,
            probes=True,
        ),
        EvaluatorCard(
            name="general-semantic-robustness",
            summary="how the output changes with typing errors in the question: word error rate and BERTScore, as in FMEval",
            load=f"{_PACKAGE}.robustness.general:GeneralSemanticRobustness",
            options=GeneralSemanticRobustnessOptions,
            probes=True,
            result_version=2,
        ),
    )


def _other_cards() -> tuple[EvaluatorCard, ...]:
    return (
        EvaluatorCard(
            name="toxicity",
            summary="how toxic the output is, by FMEval's classifiers Detoxify and ToxiGen",
            load=f"{_PACKAGE}.toxicity.evaluator:Toxicity",
            options=ToxicityOptions,
            extra="local",
            requires=("torch", "transformers"),
            result_version=2,
        ),
        EvaluatorCard(
            name="text-metrics",
            summary="token F1, exact match, BLEU, chrF and length against a reference; compression and copying of a source",
            load=f"{_PACKAGE}.text.evaluator:TextMetrics",
            options=TextMetricsOptions,
            result_version=2,
        ),
        EvaluatorCard(
            name="llm-judge",
            summary="a language model grades outputs by a rubric, over any endpoint or server in OpenAI's form",
            load=f"{_PACKAGE}.judge.evaluator:LlmJudge",
            options=JudgeOptions,
            has_summary=True,
        ),
        EvaluatorCard(
            name="pairwise-judge",
            summary="a language model names the better of the output and another text, in both orders",
            load=f"{_PACKAGE}.judge.pairwise:PairwiseJudge",
            options=PairwiseOptions,
            has_summary=True,
        ),
    )
