"""Text metrics: their values against references and sources, and what has none."""

from __future__ import annotations

import importlib.util
import math
import re
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import yaml

from llmops_plugins.metrics.text.evaluator import TextMetrics
from llmops_plugins.metrics.text.options import (
    REFERENCE_METRICS,
    TEXT_METRICS,
    TextMetricsOptions,
)
from llmops_plugins.metrics.text.tokens import squad_tokens
from llmops_sdk.planning.specification.data import component_from
from llmops_sdk.plugin import Answer, Context, Generation, RecordScore, Scored, TextPrompt, Unscored, read_jsonl
from llmops_sdk.plugin.registry import Registry

from .conftest import Make, Score, Texts, Values

LONG = "word and another one, " * 5000
USUAL = "A word that was heard in the old town."
TEXTS = (
    USUAL,
    LONG,
    "the " * 20_000,
    "x" * 200_000,
    "今天" * 20_000,
    "😀 👩‍👩‍👧‍👦 🇩🇪",
    "مرحبا بالعالم. שלום \u202eabc\u202c",
    "\x00\x01\x1b[31mred\x1b[0m\x7f\u2028",
    "half \ud83d of a pair",
)
NOTHING: Sequence[Any] = (None, "", " \n", [], [""], ["x", None], {"a": 1})
MISSING = object()


@pytest.mark.parametrize(
    ("output", "reference", "f1", "exact"),
    [
        ("rome!", "Rome", 1, 1),
        ("The Quentin Tarantino!", "quentin  tarantino", 1, 1),
        ("Tarantino, Tarantino", "Quentin Tarantino", 0.5, 0),
        ("", "Rome", 0, 0),
    ],
)
def test_known_answers(values: Values, output: str, reference: str, f1: float, exact: float) -> None:
    """Case, ASCII punctuation and articles do not count; a word counts as often as both have it."""
    scores = values(output, {"response": reference}, metrics=("token_f1", "exact"))

    assert {"token_f1": f1, "exact": exact} == scores


@pytest.mark.skipif(
    importlib.util.find_spec("transformers") is not None and int(version("transformers").split(".")[0]) >= 5,
    reason="transformers 5 lacks SQuAD's script; `make check-transformers` runs this with 4",
)
def test_f1_and_exact_match_are_those_of_squad(
    step: Context, generations: Make, pairs: Texts, odd_pairs: Texts, needs: Callable[..., None]
) -> None:
    """To the last bit, over prose and odd texts, those of the evaluation script as transformers ships it."""
    needs("transformers")
    from transformers.data.metrics import squad_metrics as squad

    texts = [pair for pair in (*pairs, *odd_pairs) if squad_tokens(pair[1])]
    found = TextMetrics(TextMetricsOptions(metrics=("token_f1", "exact"))).evaluate(step, generations(texts))

    assert [
        {
            "token_f1": pytest.approx(squad.compute_f1(reference, output), abs=1e-15),
            "exact": squad.compute_exact(reference, output),
        }
        for output, reference in texts
    ] == [score.scores for score in found if isinstance(score, Scored)]


def test_without_normalization_every_letter_counts(values: Values) -> None:
    """White space between and around words does not."""
    record = {"response": "The  Seine"}

    assert {"exact": 1.0, "token_f1": 1.0} == values("the seine!", record, metrics=("exact", "token_f1"))
    plain = {"metrics": ("exact", "token_f1"), "normalize": "none"}
    assert {"exact": 0.0, "token_f1": 0.0} == values("the seine!", record, **plain)
    assert {"exact": 0.0, "token_f1": 0.5} == values("the Seine", record, **plain)
    assert {"exact": 1.0, "token_f1": 1.0} == values("The Seine\n", record, **plain)


def test_of_several_references_the_best_one_counts(step: Context) -> None:
    """BLEU uses all of them together, as sacrebleu does; the length is compared with the nearest one."""
    import sacrebleu

    references = ["a bridge", "the old bridge over the river Seine", "  "]
    record = {"response": references}
    output = "an old bridge"
    evaluator = TextMetrics(TextMetricsOptions(metrics=REFERENCE_METRICS))
    (found,) = evaluator.evaluate(step, [Generation(0, record, TextPrompt("?", ""), Answer(output))])

    assert isinstance(found, Scored)
    assert {
        "token_f1": 2 / 3,
        "exact": 0.0,
        "bleu": sacrebleu.sentence_bleu(output, references[:2]).score,
        "chrf": max(sacrebleu.sentence_chrf(output, [reference]).score for reference in references[:2]),
        "length_ratio": 3 / 2,
    } == found.scores
    assert evaluator.provenance(step)["bleu"].startswith("nrefs:2|")
    list(evaluator.evaluate(step, [Generation(1, {"response": "one"}, TextPrompt("?", ""), Answer(output))]))
    assert evaluator.provenance(step)["bleu"].startswith("nrefs:var|")


def test_compression_and_copying(values: Values) -> None:
    """Words are counted in lower case and without punctuation."""
    record = {"context": "The old bridge crosses the river. It was built by monks, long ago."}
    options = {"metrics": ("compression", "copied_ngrams", "extractive_coverage", "extractive_density"), "ngram": 2}

    assert {
        "compression": 6 / 13,
        "copied_ngrams": 3 / 5,  # the old, old bridge, by monks
        "extractive_coverage": 5 / 6,
        "extractive_density": (3**2 + 2**2) / 6,
    } == values("The OLD bridge? Built by monks.".replace("Built", "Made"), record, **options)
    assert {"compression": 1, "copied_ngrams": 1, "extractive_coverage": 1, "extractive_density": 13} == values(
        record["context"], record, **options
    )


def test_a_source_may_be_several_texts(values: Values) -> None:
    """They are joined."""
    record = {"context": ["one two", "three four"]}

    assert {"compression": 0.5, "extractive_coverage": 1.0} == values(
        "two three", record, metrics=("compression", "extractive_coverage")
    )


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ({"instruction": "x"}, "the record has no reference field 'response'; it has: instruction"),
        ({"response": None}, "the record has no reference field 'response'; it has: response"),
        ({"response": ""}, "the reference field 'response' is empty"),
        ({"response": []}, "the reference field 'response' is empty"),
        ({"response": ["\n"]}, "the reference field 'response' is empty"),
        ({"response": 5}, "the reference field 'response' must be text, not int"),
        ({"response": ["x", {}]}, "the reference field 'response' must be text, not dict"),
    ],
)
def test_a_record_without_a_reference_is_unscored(score: Score, record: Mapping[str, Any], reason: str) -> None:
    """With the reason."""
    assert Unscored(7, reason) == score("x", record)


def test_a_metric_without_a_value_is_left_out_with_a_note(score: Score) -> None:
    """The others have their values."""
    result = score("yes", {"response": "yes", "context": ""}, metrics=("exact", "compression", "copied_ngrams"))

    reason = "compression, copied_ngrams: the source field 'context' is empty"
    assert Scored(7, {"exact": 1.0}, notes={"left_out": reason}) == result
    short = score("yes", {"context": "yes or no"}, metrics=("compression", "copied_ngrams"), ngram=2)
    assert (
        Scored(7, {"compression": 1 / 3}, notes={"left_out": "copied_ngrams: the output has fewer than 2 words"})
        == short
    )


def test_an_empty_output_scores_zero(score: Score) -> None:
    """By every metric that is defined for it."""
    record = {"response": "yes", "context": "yes or no"}
    result = score(" ", record, metrics=TEXT_METRICS, ngram=1)

    zero = dict.fromkeys(("token_f1", "exact", "bleu", "chrf", "length_ratio", "compression"), 0.0)
    reason = "copied_ngrams, extractive_coverage, extractive_density: the output has no words"
    assert Scored(7, zero, notes={"left_out": reason}) == result


def test_texts_without_words_have_no_ratio(score: Score, values: Values) -> None:
    """A reference or a source of punctuation alone has the length 0."""
    record = {"response": "...", "context": "?!"}

    assert {"chrf"} == set(values("yes", record, metrics=("chrf", "exact", "token_f1", "bleu", "length_ratio")))
    assert Unscored(7, "the reference has no words; the source has no words") == score(
        "yes", record, metrics=("length_ratio", "compression")
    )


def test_odd_texts_have_finite_scores_in_order(step: Context, odd_texts: Sequence[str]) -> None:
    """Every text as output, reference and source of every other text."""
    generations = [
        Generation(index, {"response": reference, "context": reference}, TextPrompt("?", ""), Answer(output))
        for index, (output, reference) in enumerate(product(odd_texts, odd_texts))
    ]
    found = list(TextMetrics(TextMetricsOptions(metrics=TEXT_METRICS)).evaluate(step, iter(generations)))

    assert [generation.index for generation in generations] == [score.index for score in found]
    for score in found:
        assert not isinstance(score, Scored) or all(math.isfinite(value) for value in score.scores.values())


def test_generations_are_read_as_they_are_scored(step: Context, generations: Make) -> None:
    """None is read before its score is asked for."""
    read = 0

    def counted() -> Any:
        nonlocal read
        for generation in generations([("a", "a")] * 5):
            read += 1
            yield generation

    found = TextMetrics(TextMetricsOptions()).evaluate(step, counted())
    next(found)

    assert 1 == read


def test_metrics_have_the_order_of_the_options_and_their_direction(metrics_registry: Registry) -> None:
    """Metrics of length and copying have none: neither end is better."""
    metrics = metrics_registry.make(
        "evaluator", "text-metrics", {"metrics": list(reversed(TEXT_METRICS)), "ngram": 4}
    ).metrics

    assert list(reversed(TEXT_METRICS)) == [metric.name for metric in metrics]
    assert {"token_f1", "exact", "bleu", "chrf"} == {metric.name for metric in metrics if metric.higher_is_better}
    labels = {metric.name: metric.label for metric in metrics}
    assert ("BLEU (0-100)", "Copied 4-grams", "Exact match (SQuAD)") == (
        labels["bleu"], labels["copied_ngrams"], labels["exact"]
    )  # fmt: skip


def test_its_metrics_have_names_of_their_own(metrics_registry: Registry) -> None:
    """A pipeline can have all evaluators at once."""
    for other in ("qa-accuracy", "summarization-accuracy"):
        assert not set(TEXT_METRICS) & {metric.name for metric in metrics_registry.make("evaluator", other, {}).metrics}


def test_real_summaries_are_shorter_than_their_sources_and_partly_copied(
    step: Context, real_data: Callable[[str], Path]
) -> None:
    """Dolly's own summaries, scored as outputs: exact against themselves, and with plausible shares of copying."""
    rows = [row for row in read_jsonl(real_data("dolly/dolly_mix_390.jsonl")) if row["context"].strip()]
    summaries = [row for row in rows if row["category"] == "summarization"]
    generations = [
        Generation(index, row, TextPrompt("?", ""), Answer(row["response"])) for index, row in enumerate(summaries)
    ]
    found = list(TextMetrics(TextMetricsOptions(metrics=TEXT_METRICS)).evaluate(step, generations))

    scores = [score.scores for score in found if isinstance(score, Scored)]
    assert len(summaries) == len(scores) > 100
    assert all(1 == each["exact"] == each["token_f1"] == each["length_ratio"] for each in scores)
    assert all(pytest.approx(100) == each["chrf"] for each in scores)
    means = {name: sum(each[name] for each in scores) / len(scores) for name in ("compression", "extractive_coverage")}
    assert 0.1 < means["compression"] < 0.8
    assert 0.6 < means["extractive_coverage"] < 1


def test_the_examples_of_the_page_can_be_run(metrics_registry: Registry) -> None:
    """Every evaluator in it is made as a specification would, and the table has every metric."""
    page = (Path(__file__).parents[4] / "docs/how-to/metrics.md").read_text(encoding="utf-8")
    specs = [yaml.safe_load(text) for text in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)]
    components = [component_from(item, "the page") for spec in specs for item in spec["evaluators"]]

    assert len(components) > 2
    for component in components:
        assert metrics_registry.make("evaluator", component.use, component.options).metrics
    assert set(TEXT_METRICS) == set(re.findall(r"^\| `(\w+)` \|", page.partition("## text-metrics")[2], re.MULTILINE))


def generations_of(outputs: Sequence[str], references: Sequence[Any]) -> list[Generation]:
    """Return every output with every reference, which is also its source."""
    return [
        Generation(
            index,
            {"instruction": "?"} if reference is MISSING else {"response": reference, "context": reference},
            TextPrompt("?", ""),
            Answer(output),
        )
        for index, (output, reference) in enumerate(product(outputs, references))
    ]


def score_all(step: Context, generations: Sequence[Generation]) -> list[RecordScore]:
    options = TextMetricsOptions(metrics=TEXT_METRICS, ngram=1)
    return list(TextMetrics(options).evaluate(step, iter(generations)))


@pytest.mark.parametrize("output", TEXTS, ids=range(len(TEXTS)))
def test_hard_texts_are_scored(step: Context, output: str) -> None:
    """Against a usual reference and against themselves; a metric that is not defined for them is left out with a note."""
    for score in score_all(step, generations_of([output], [USUAL, output])):
        assert isinstance(score, Scored)
        assert all(math.isfinite(value) for value in score.scores.values())
        assert len(TEXT_METRICS) == len(score.scores) or score.notes["left_out"]
    (other,) = score_all(step, generations_of([USUAL], [output]))
    assert isinstance(other, Scored)


@pytest.mark.parametrize("output", ["", " \n", USUAL, LONG])
def test_a_missing_reference_is_the_records_own_error(step: Context, output: str) -> None:
    """An empty output has a score; a record without a reference has none, and its reason names the field."""
    (scored, *errors) = score_all(step, generations_of([output], [USUAL, *NOTHING, MISSING]))

    assert isinstance(scored, Scored)
    assert 1 + len(NOTHING) == len(errors)
    assert all("field" in getattr(error, "error", "") for error in errors)
