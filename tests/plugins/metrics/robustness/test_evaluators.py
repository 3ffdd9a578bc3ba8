"""Semantic robustness: changed questions are asked, and the differences of a task's scores are measured."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import pytest

from llmops_plugins.metrics.robustness.evaluators import (
    ClassificationAccuracySemanticRobustness,
    SemanticRobustness,
    SummarizationAccuracySemanticRobustness,
)
from llmops_plugins.metrics.robustness.options import (
    ClassificationAccuracySemanticRobustnessOptions,
    SummarizationAccuracySemanticRobustnessOptions,
)
from llmops_plugins.metrics.robustness.perturbations import perturb
from llmops_plugins.metrics.tasks.options import SummarizationAccuracyOptions
from llmops_plugins.metrics.tasks.summarization import SummarizationAccuracy
from llmops_sdk import Pipeline, Progress
from llmops_sdk.plugin import (
    Answer,
    Answered,
    ChatPrompt,
    Context,
    Generation,
    Probe,
    RecordScore,
    Scored,
    Unanswered,
    Unscored,
)
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.testing import EchoEndpoint, MemoryStore

from .conftest import general, generation, qa

Texts = Sequence[tuple[str, str]]


@pytest.mark.parametrize("make", [qa, general])
def test_only_the_field_is_changed(context: Context, make: Callable[..., SemanticRobustness]) -> None:
    """The copies are FMEval's, in their order; the other fields stay, and the record itself is not changed."""
    record = {"instruction": "What is the capital of Italy?", "context": "It is Rome.", "response": "Rome"}
    before = dict(record)
    evaluator = make(field="context", num_perturbations=3, seed=8)

    assert [
        Probe(str(number), record={**record, "context": changed})
        for number, changed in enumerate(perturb("It is Rome.", evaluator.options))
    ] == list(evaluator.probes(context, record))
    assert record == before
    assert 5 == len(list(make().probes(context, record)))


@pytest.mark.parametrize("record", [{}, {"instruction": " "}, {"instruction": 3}, {"instruction": None}])
def test_a_record_without_a_text_to_change_is_not_asked_about(context: Context, record: Mapping[str, Any]) -> None:
    """It is unscored, with the reason."""
    assert [] == list(qa().probes(context, record)) == list(general(num_baseline_samples=4).probes(context, record))


def test_a_difference_is_the_mean_absolute_one(context: Context) -> None:
    """Better answers count like worse ones."""
    evaluator = qa(metrics=("exact_match", "recall_over_words"), num_perturbations=4)
    generations = [
        generation("Rome", "Rome", "Rome", "Paris", "rome", index=3),
        generation("Paris", "Rome", "Paris", "Rome", "Milan", index=4),
        generation("", "", "", "", "", index=9),
    ]

    assert [
        Scored(3, {"delta_exact_match": 0.5, "delta_recall_over_words": 0.25}),
        Scored(4, {"delta_exact_match": 0.5, "delta_recall_over_words": 0.5}),
        Scored(9, {"delta_exact_match": 0, "delta_recall_over_words": 0}),
    ] == list(evaluator.evaluate(context, generations))
    assert [
        ("delta_exact_match", "Change of Exact match", False, (0.0, 1.0)),
        ("delta_recall_over_words", "Change of Recall over words", False, (0.0, 1.0)),
    ] == [attrs.astuple(metric) for metric in evaluator.metrics]


def test_the_scores_of_summaries_are_those_of_the_evaluator_of_summaries(context: Context, pairs: Texts) -> None:
    """ROUGE and METEOR of all outputs, which are more than one batch."""
    shuffle = random.Random(1)
    outputs = [output for output, _ in pairs]
    generations = [
        generation(output, *shuffle.sample(outputs, 3), response=reference, index=index)
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
    for place, score in enumerate(evaluator.evaluate(context, generations)):
        assert isinstance(score, Scored)
        assert place == score.index
        for name in metrics:
            expected = sum(abs(original[place][name] - copy[place][name]) for copy in copies) / 3
            assert expected == pytest.approx(score.scores[f"delta_{name}"], abs=1e-6)
    assert accuracy.provenance(context) == evaluator.provenance(context)


def _probe_output(generation: Generation, name: str) -> str:
    outcome = generation.probes[name]
    assert isinstance(outcome, Answered)
    return outcome.answer.output


def test_a_changed_label_counts(context: Context) -> None:
    """The value is the share of changed questions for which a right label becomes wrong."""
    options = ClassificationAccuracySemanticRobustnessOptions(valid_labels=("rome", "paris"), num_perturbations=4)
    (score,) = ClassificationAccuracySemanticRobustness(options).evaluate(
        context, [generation("Rome", "rome", "paris", "It is rome", "none")]
    )

    assert score == Scored(10, {"delta_classification_accuracy_score": 0.5})


_FULL = generation("Rome", "Rome", "Paris")


@pytest.mark.parametrize("make", [qa, general])
@pytest.mark.parametrize(
    ("incomplete", "reason"),
    [
        (generation("Rome", "Rome"), "probe '1' was not answered: it has no output"),
        (generation("Rome", "Rome", Unanswered(0, "HTTP 500")), "probe '1' was not answered: HTTP 500"),
        (
            attrs.evolve(_FULL, record={"response": "Rome"}),
            "the record has no field 'instruction' to change; it has: response",
        ),
        (
            attrs.evolve(_FULL, record={"instruction": ["?"], "response": "Rome"}),
            "the field 'instruction' must be text to be changed, not list",
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
def test_a_record_with_a_missing_answer_is_unscored(
    context: Context, make: Callable[..., SemanticRobustness], incomplete: Generation, reason: str
) -> None:
    """With the reason; the records around it are scored, in their order."""
    metrics = ("f1",) if make is qa else ("word_error_rate",)
    evaluator = make(num_perturbations=2, metrics=metrics)
    first, last = attrs.evolve(_FULL, index=1), attrs.evolve(_FULL, index=90)
    scores = list(evaluator.evaluate(context, [first, incomplete, incomplete, last]))

    assert [1, 10, 10, 90] == [score.index for score in scores]
    assert [Unscored(10, reason)] * 2 == scores[1:3]
    assert isinstance(scores[0], Scored)
    assert isinstance(scores[3], Scored)


def test_a_record_without_a_reference_is_unscored(context: Context) -> None:
    """As by the evaluator of the task; comparing outputs needs no reference."""
    without = generation("Rome", "Rome", "Paris", response=" ")

    assert [Unscored(10, "the reference field 'response' is empty")] == list(
        qa(num_perturbations=2).evaluate(context, [without])
    )
    (score,) = general(num_perturbations=2, metrics=("word_error_rate",)).evaluate(context, [without])
    assert isinstance(score, Scored)


def test_odd_outputs_are_scored(context: Context, odd_texts: Sequence[str]) -> None:
    """Control characters, emoji, right-to-left text, halves of surrogate pairs, and 20,000 words."""
    texts = [*odd_texts, "word " * 20_000]
    generations = [generation(text, *texts[place : place + 1], texts[0]) for place, text in enumerate(texts)]
    for evaluator in (qa(num_perturbations=2), general(num_perturbations=2)):
        scores = list(evaluator.evaluate(context, generations))
        scored = [score for score in scores if isinstance(score, Scored)]
        assert len(texts) == len(scores)
        assert len(texts) - 4 <= len(scored)
        assert all(0 <= value <= 1.001 for score in scored for value in score.scores.values())


def test_records_are_read_as_they_are_scored(context: Context) -> None:
    """Only a few are held: the first scores come long before the last record is read."""
    read = 0

    def endless() -> Iterator[Generation]:
        nonlocal read
        while True:
            read += 1
            yield generation("Rome", "Rome", index=read)

    for evaluator in (qa(num_perturbations=1), general(num_perturbations=1, metrics=("word_error_rate",))):
        read = 0
        scores: Iterator[RecordScore] = evaluator.evaluate(context, endless())
        assert list(range(1, 101)) == [next(scores).index for _ in range(100)]
        assert read < 200


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
