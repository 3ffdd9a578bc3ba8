"""Semantic robustness: the record is asked again with a changed field, and what that does to the answer is measured."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import pytest

from llmops_plugins.metrics.bertscore.score import bert_score
from llmops_plugins.metrics.bertscore.weights import find_weights
from llmops_plugins.metrics.pairs import Pair
from llmops_plugins.metrics.robustness.evaluators import (
    ClassificationAccuracySemanticRobustness,
    QAAccuracySemanticRobustness,
    SemanticRobustness,
    SummarizationAccuracySemanticRobustness,
)
from llmops_plugins.metrics.robustness.general import GeneralSemanticRobustness
from llmops_plugins.metrics.robustness.options import (
    ClassificationAccuracySemanticRobustnessOptions,
    GeneralSemanticRobustnessOptions,
    QAAccuracySemanticRobustnessOptions,
    SummarizationAccuracySemanticRobustnessOptions,
)
from llmops_plugins.metrics.robustness.perturbations import perturb
from llmops_plugins.metrics.robustness.wer import word_error_rate
from llmops_plugins.metrics.tasks.options import SummarizationAccuracyOptions
from llmops_plugins.metrics.tasks.summarization import SummarizationAccuracy
from llmops_sdk import Pipeline, Progress
from llmops_sdk.plugin import (
    Answer,
    Answered,
    ChatPrompt,
    Context,
    Generation,
    Outcome,
    Probe,
    RecordScore,
    Scored,
    TextPrompt,
    Unanswered,
    Unscored,
)
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.testing import EchoEndpoint, MemoryStore

Texts = Sequence[tuple[str, str]]


def asked(output: str, *changed: str | Outcome, response: Any = "Rome", index: int = 10, **again: str) -> Generation:
    """Make a generation whose probes "0", "1", ... got these outputs."""
    replies = {str(number): reply for number, reply in enumerate(changed)} | {
        name.replace("_", "-"): reply for name, reply in again.items()
    }
    return Generation(
        index,
        {"instruction": "What is the capital?", "response": response},
        TextPrompt("Question: What is the capital?\nAnswer:", ""),
        Answer(output),
        probes={
            name: Answered(0, Answer(reply)) if isinstance(reply, str) else reply for name, reply in replies.items()
        },
    )


def qa(**options: Any) -> QAAccuracySemanticRobustness:
    return QAAccuracySemanticRobustness(QAAccuracySemanticRobustnessOptions(**options))


def general(**options: Any) -> GeneralSemanticRobustness:
    return GeneralSemanticRobustness(GeneralSemanticRobustnessOptions(**options))


# -- probes -------------------------------------------------------------------------------------


@pytest.mark.parametrize("made", [qa, general])
def test_only_the_field_is_changed(context: Context, made: Callable[..., SemanticRobustness]) -> None:
    """The copies are FMEval's, in their order; the other fields stay, and the record itself is not touched."""
    record = {"instruction": "What is the capital of Italy?", "context": "It is Rome.", "response": "Rome"}
    before = dict(record)
    evaluator = made(field="context", num_perturbations=3, seed=8)

    assert [
        Probe(str(number), record={**record, "context": changed})
        for number, changed in enumerate(perturb("It is Rome.", evaluator.options))
    ] == list(evaluator.probes(context, record))
    assert record == before
    assert 5 == len(list(made().probes(context, record)))


@pytest.mark.parametrize("record", [{}, {"instruction": " "}, {"instruction": 3}, {"instruction": None}])
def test_a_record_without_a_text_to_change_is_not_asked_about(context: Context, record: Mapping[str, Any]) -> None:
    """It is unscored later, with the reason."""
    assert [] == list(qa().probes(context, record)) == list(general(num_baseline_samples=4).probes(context, record))


def test_a_baseline_asks_the_record_again(context: Context) -> None:
    """So many answers as the option says, of which the output is one."""
    record = {"instruction": "Why?"}
    names = [probe.name for probe in general(num_baseline_samples=3).probes(context, record)]

    assert ["0", "1", "2", "3", "4", "baseline-1", "baseline-2"] == names
    assert record == list(general(num_baseline_samples=3).probes(context, record))[-1].record


# -- differences of accuracy --------------------------------------------------------------------


def test_a_difference_is_the_mean_absolute_one(context: Context) -> None:
    """Answers that become better count like those that become worse."""
    evaluator = qa(metrics=("exact_match", "recall_over_words"), num_perturbations=4)
    generations = [
        asked("Rome", "Rome", "Rome", "Paris", "rome", index=3),
        asked("Paris", "Rome", "Paris", "Rome", "Milan", index=4),
        asked("", "", "", "", "", index=9),
    ]

    assert [
        Scored(3, {"delta_exact_match": 0.5, "delta_recall_over_words": 0.25}),
        Scored(4, {"delta_exact_match": 0.5, "delta_recall_over_words": 0.5}),
        Scored(9, {"delta_exact_match": 0, "delta_recall_over_words": 0}),
    ] == list(evaluator.evaluate(context, generations))
    assert [
        ("delta_exact_match", "Change of Exact match", False),
        ("delta_recall_over_words", "Change of Recall over words", False),
    ] == [attrs.astuple(metric) for metric in evaluator.metrics]


def test_summaries_are_scored_as_by_the_evaluator_of_summaries(context: Context, pairs: Texts) -> None:
    """ROUGE and METEOR of all outputs, over more of them than one batch has."""
    shuffle = random.Random(1)
    outputs = [output for output, _ in pairs]
    generations = [
        asked(output, *shuffle.sample(outputs, 3), response=reference, index=index)
        for index, (output, reference) in enumerate(pairs[:17])
    ]
    metrics = ("rouge2", "meteor")
    evaluator = SummarizationAccuracySemanticRobustness(
        SummarizationAccuracySemanticRobustnessOptions(num_perturbations=3, metrics=metrics)
    )
    accuracy = SummarizationAccuracy(SummarizationAccuracyOptions(metrics=metrics))

    def scores(texts: Iterable[str]) -> list[Mapping[str, float]]:
        changed = [attrs.evolve(one, answer=Answer(text)) for one, text in zip(generations, texts, strict=True)]
        return [score.scores for score in accuracy.evaluate(context, changed) if isinstance(score, Scored)]

    original = scores(one.output for one in generations)
    copies = [scores(_probe_output(one, str(number)) for one in generations) for number in range(3)]
    for place, found in enumerate(evaluator.evaluate(context, generations)):
        assert isinstance(found, Scored)
        assert place == found.index
        for name in metrics:
            expected = sum(abs(original[place][name] - copy[place][name]) for copy in copies) / 3
            assert expected == pytest.approx(found.scores[f"delta_{name}"], abs=1e-6)
    assert accuracy.provenance(context) == evaluator.provenance(context)


def _probe_output(generation: Generation, name: str) -> str:
    outcome = generation.probes[name]
    assert isinstance(outcome, Answered)
    return outcome.answer.output


def test_labels_that_change(context: Context) -> None:
    """The part of the changed questions in which right becomes wrong."""
    options = ClassificationAccuracySemanticRobustnessOptions(valid_labels=("rome", "paris"), num_perturbations=4)
    (found,) = ClassificationAccuracySemanticRobustness(options).evaluate(
        context, [asked("Rome", "rome", "paris", "It is rome", "none")]
    )

    assert found == Scored(10, {"delta_classification_accuracy_score": 0.5})


# -- differences of outputs ---------------------------------------------------------------------


def test_outputs_are_compared_with_the_output(context: Context) -> None:
    """Word errors of all together by the words of the output; one less the mean BERTScore."""
    outputs = ["It is Rome, of course.", "It is Rome, of course.", "That is Milan."]
    (found,) = general(num_perturbations=3).evaluate(context, [asked("It is Rome.", *outputs)])
    scorer = bert_score(find_weights(context, "minilm"), 6, context.home)
    f1 = [
        outcome["bertscore"]  # type: ignore[index]
        for outcome in scorer.score([Pair(output, "It is Rome.") for output in outputs])
    ]

    assert isinstance(found, Scored)
    assert ["word_error_rate", "bertscore_dissimilarity"] == list(found.scores)
    assert (3 + 3 + 2) / 9 == found.scores["word_error_rate"]
    assert 1 - sum(f1) / 3 == pytest.approx(found.scores["bertscore_dissimilarity"], abs=1e-6)


def test_the_same_answers_are_no_difference(context: Context) -> None:
    """Both are 0, but for the rounding of the encoder."""
    (found,) = general(num_perturbations=2).evaluate(context, [asked("It is Rome.", "It is Rome.", "It is Rome.")])

    assert isinstance(found, Scored)
    assert [0, 0] == pytest.approx(list(found.scores.values()), abs=1e-6)


def test_what_answers_differ_by_themselves_is_taken_off(context: Context) -> None:
    """All pairs of the answers to the unchanged question are compared, the output with the others too."""
    again: dict[str, Any] = {"baseline_1": "It is Roma.", "baseline_2": "It is it."}
    evaluator = general(num_perturbations=1, num_baseline_samples=3, metrics=("word_error_rate",))
    baseline = word_error_rate(
        [("It is Roma.", "It is it."), ("It is Roma.", "It is Rome."), ("It is it.", "It is Rome.")]
    )

    assert 1 / 3 == baseline
    for changed, rate in (("That was Milan .", 4 / 3), ("It is Milan.", 1 / 3)):
        (found,) = evaluator.evaluate(context, [asked("It is Rome.", changed, **again)])
        assert isinstance(found, Scored)
        assert max(0, rate - baseline) == pytest.approx(found.scores["word_error_rate"])


# -- what cannot be scored ----------------------------------------------------------------------

_FULL = asked("Rome", "Rome", "Paris")


@pytest.mark.parametrize("made", [qa, general])
@pytest.mark.parametrize(
    ("generation", "reason"),
    [
        (asked("Rome", "Rome"), "probe '1' was not answered: it has no output"),
        (asked("Rome", "Rome", Unanswered(0, "HTTP 500")), "probe '1' was not answered: HTTP 500"),
        (
            attrs.evolve(_FULL, record={"response": "Rome"}),
            "the record has no field 'instruction' to change; it has: response",
        ),
        (
            attrs.evolve(_FULL, record={"instruction": ["?"], "response": "Rome"}),
            "the field 'instruction' holds no text to change but list",
        ),
        (
            attrs.evolve(_FULL, record={"instruction": "\n", "response": "Rome"}),
            "the field 'instruction' is empty: there is nothing to change",
        ),
        (
            attrs.evolve(_FULL, prompt=ChatPrompt(({"role": "user", "content": "Which city?"},), "")),
            "the prompt does not show the field 'instruction', so changing it changes nothing",
        ),
    ],
)
def test_what_was_not_asked_is_unscored(
    context: Context, made: Callable[..., SemanticRobustness], generation: Generation, reason: str
) -> None:
    """With the reason, between records that are scored, which stay in their order."""
    chosen = ("f1",) if made is qa else ("word_error_rate",)
    evaluator = made(num_perturbations=2, metrics=chosen)
    first, last = attrs.evolve(_FULL, index=1), attrs.evolve(_FULL, index=90)
    found = list(evaluator.evaluate(context, [first, generation, generation, last]))

    assert [1, 10, 10, 90] == [score.index for score in found]
    assert [Unscored(10, reason)] * 2 == found[1:3]
    assert isinstance(found[0], Scored)
    assert isinstance(found[3], Scored)


def test_a_record_without_a_reference_is_unscored(context: Context) -> None:
    """As by the evaluator of the task; comparing outputs needs none."""
    generation = asked("Rome", "Rome", "Paris", response=" ")

    assert [Unscored(10, "the reference field 'response' is empty")] == list(
        qa(num_perturbations=2).evaluate(context, [generation])
    )
    (found,) = general(num_perturbations=2, metrics=("word_error_rate",)).evaluate(context, [generation])
    assert isinstance(found, Scored)


def test_an_output_without_words_leaves_nothing_to_compare(context: Context) -> None:
    """The rate would be by no words; an empty answer to a changed question is a difference like others."""
    evaluator = general(num_perturbations=1, metrics=("word_error_rate",))

    assert [
        Unscored(10, "the output has no words: there is nothing to compare the others with"),
        Scored(10, {"word_error_rate": 1}),
    ] == list(evaluator.evaluate(context, [asked(" \n", "Rome"), asked("Rome", "")]))


def test_odd_outputs_are_scored(context: Context, odd_texts: Sequence[str]) -> None:
    """Control characters, emoji, right-to-left text, halves of surrogate pairs, and 20,000 words."""
    texts = [*odd_texts, "word " * 20_000]
    generations = [asked(text, *texts[place : place + 1], texts[0]) for place, text in enumerate(texts)]
    for evaluator in (qa(num_perturbations=2), general(num_perturbations=2)):
        found = list(evaluator.evaluate(context, generations))
        scored = [score for score in found if isinstance(score, Scored)]
        assert len(texts) == len(found)
        assert len(texts) - 4 <= len(scored)
        assert all(0 <= value <= 1.001 for score in scored for value in score.scores.values())


def test_records_are_read_as_they_are_scored(context: Context) -> None:
    """Not all of them are held: the first scores come long before the last record is read."""
    read = 0

    def endless() -> Iterator[Generation]:
        nonlocal read
        while True:
            read += 1
            yield asked("Rome", "Rome", index=read)

    for evaluator in (qa(num_perturbations=1), general(num_perturbations=1, metrics=("word_error_rate",))):
        read = 0
        scores: Iterator[RecordScore] = evaluator.evaluate(context, endless())
        assert list(range(1, 101)) == [next(scores).index for _ in range(100)]
        assert read < 200


# -- in a pipeline ------------------------------------------------------------------------------


def test_a_pipeline_asks_and_compares(registry: Registry, home: Path) -> None:
    """The model repeats the question in capitals: its answers change as much as the questions do."""
    del home
    EchoEndpoint.asked.clear()
    result = (
        Pipeline.builder("robust")
        .with_dataset("lines")
        .with_prompt("bare")
        .with_model("echo", fine_tune=False)
        .with_evaluator("qa-accuracy")
        .with_evaluator(
            "qa-accuracy-semantic-robustness", field="context", num_perturbations=2, butter_finger_perturbation_prob=1.0
        )
        .with_evaluator(
            "general-semantic-robustness",
            field="context",
            num_perturbations=2,
            metrics=["word_error_rate"],
            butter_finger_perturbation_prob=0.0,
        )
        .run(store=MemoryStore(), registry=registry, progress=Progress())
    )

    (cell,) = result.leaderboards[0].cells
    assert 10 + 20 + 20 == len(EchoEndpoint.asked)
    assert 1.0 == cell.estimates["exact_match"].mean == cell.estimates["delta_exact_match"].mean
    assert 0.0 == cell.estimates["word_error_rate"].mean
