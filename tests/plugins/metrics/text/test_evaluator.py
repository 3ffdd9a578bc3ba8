"""Text metrics have the definitions their docstrings name."""

from __future__ import annotations

import math
import random
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from llmops_plugins.metrics import hooks
from llmops_plugins.metrics.text.copying import fragment_lengths
from llmops_plugins.metrics.text.evaluator import TextMetrics
from llmops_plugins.metrics.text.options import (
    BLEU_TOKENIZERS,
    REFERENCE_METRICS,
    SACREBLEU_METRICS,
    TEXT_METRICS,
    TextMetricsOptions,
)
from llmops_plugins.metrics.text.tokens import words
from llmops_sdk import SpecError
from llmops_sdk.planning.spec_data import component_from
from llmops_sdk.plugin import Answer, Context, Generation, RecordScore, Scored, TextPrompt, Unscored, read_jsonl
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.testing import make_context

Texts = Sequence[tuple[str, str]]
Make = Callable[[Texts], list[Generation]]
One = Callable[..., RecordScore]
Values = Callable[..., Mapping[str, float]]

EVERY = frozenset(TEXT_METRICS)


@pytest.fixture(name="step")
def _step(tmp_path: Path) -> Context:
    return make_context(tmp_path / "step")


@pytest.fixture(name="one")
def _one(step: Context) -> One:
    """Score one output of a record, with options."""

    def score(output: str, record: Mapping[str, Any], **options: Any) -> RecordScore:
        generation = Generation(7, record, TextPrompt("?", ""), Answer(output))
        (found,) = TextMetrics(TextMetricsOptions(**options)).evaluate(step, [generation])
        return found

    return score


@pytest.fixture(name="values")
def _values(one: One) -> Values:
    """The same, where there must be values."""

    def score(output: str, record: Mapping[str, Any], **options: Any) -> Mapping[str, float]:
        found = one(output, record, **options)
        assert isinstance(found, Scored), found
        return found.scores

    return score


# -- against references -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("output", "reference", "f1", "exact"),
    [
        ("rome!", "Rome", 1, 1),
        ("The Quentin Tarantino!", "quentin  tarantino", 1, 1),
        ("Tarantino, Tarantino", "Quentin Tarantino", 0.5, 0),
        ("rome", "The", 0, 0),
        ("the", "An", 1, 1),
        ("", "Rome", 0, 0),
    ],
)
def test_known_answers(values: Values, output: str, reference: str, f1: float, exact: float) -> None:
    """Case, ASCII punctuation and articles do not count; a word counts as often as both have it."""
    found = values(output, {"response": reference}, metrics=("token_f1", "exact"))

    assert {"token_f1": f1, "exact": exact} == found


@pytest.mark.slow  # it imports transformers
def test_f1_and_exact_match_are_those_of_squad(
    step: Context, generations: Make, pairs: Texts, odd_pairs: Texts, needs: Callable[..., None]
) -> None:
    """To the last bit, over prose and odd texts, those of the evaluation script as transformers ships it."""
    needs("transformers")
    from transformers.data.metrics import squad_metrics as squad

    texts = [pair for pair in (*pairs, *odd_pairs) if pair[1].strip()]
    found = TextMetrics(TextMetricsOptions(metrics=("token_f1", "exact"))).evaluate(step, generations(texts))

    assert [
        {
            "token_f1": pytest.approx(squad.compute_f1(reference, output), abs=1e-15),
            "exact": squad.compute_exact(reference, output),
        }
        for output, reference in texts
    ] == [score.scores for score in found if isinstance(score, Scored)]


def test_without_normalization_every_letter_counts(values: Values) -> None:
    """White space does not."""
    record = {"response": "The  Seine"}

    assert {"exact": 1.0, "token_f1": 1.0} == values("the seine!", record, metrics=("exact", "token_f1"))
    plain = {"metrics": ("exact", "token_f1"), "normalize": "none"}
    assert {"exact": 0.0, "token_f1": 0.0} == values("the seine!", record, **plain)
    assert {"exact": 0.0, "token_f1": 0.5} == values("the Seine", record, **plain)
    assert {"exact": 1.0, "token_f1": 1.0} == values("The Seine\n", record, **plain)


def test_bleu_and_chrf_are_those_of_sacrebleu(step: Context, generations: Make, pairs: Texts, odd_pairs: Texts) -> None:
    """The sentence-level functions of its public face, with its defaults."""
    import sacrebleu

    texts = [pair for pair in (*pairs[:40], *odd_pairs) if pair[1].strip()]
    evaluator = TextMetrics(TextMetricsOptions(metrics=SACREBLEU_METRICS))
    found = list(evaluator.evaluate(step, generations(texts)))

    assert [
        {
            "bleu": sacrebleu.sentence_bleu(output, [reference], use_effective_order=True).score,
            "chrf": sacrebleu.sentence_chrf(output, [reference]).score,
        }
        for output, reference in texts
    ] == [score.scores for score in found if isinstance(score, Scored)]
    version = sacrebleu.__version__
    assert {
        "bleu": f"nrefs:1|case:mixed|eff:yes|tok:13a|smooth:exp|version:{version}",
        "chrf": f"nrefs:1|case:mixed|eff:yes|nc:6|nw:0|space:no|version:{version}",
    } == evaluator.provenance(step)


@pytest.mark.parametrize("tokenizer", BLEU_TOKENIZERS)
def test_every_tokenizer_that_is_offered_works(step: Context, tokenizer: str) -> None:
    """Nothing further has to be installed or fetched; the signature names it."""
    evaluator = TextMetrics(TextMetricsOptions(metrics=("bleu",), bleu_tokenizer=tokenizer))
    record = {"response": "今天天气很好。我们去公园吧!"}
    (found,) = evaluator.evaluate(step, [Generation(0, record, TextPrompt("?", ""), Answer(record["response"]))])

    assert isinstance(found, Scored)
    assert pytest.approx(100) == found.scores["bleu"]
    assert f"tok:{tokenizer}" in evaluator.provenance(step)["bleu"]


def test_of_several_references_the_best_one_counts(step: Context) -> None:
    """BLEU counts with all of them together, as sacrebleu does; the length is compared with the nearest."""
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


# -- against the source -------------------------------------------------------------------------


def newsroom_fragments(summary: Sequence[str], article: Sequence[str]) -> list[int]:
    """The fragments as figure 3 of Grusky et al. (2018) words the procedure, place by place."""
    found, i = [], 0
    while i < len(summary):
        longest = 0
        for j in range(len(article)):
            length = 0
            while (
                i + length < len(summary) and j + length < len(article) and summary[i + length] == article[j + length]
            ):
                length += 1
            longest = max(longest, length)
        if longest:
            found.append(longest)
        i += max(longest, 1)
    return found


def test_fragments_are_those_of_newsroom(pairs: Texts, odd_pairs: Texts) -> None:
    """Over prose of which much is copied, over odd texts, and where few words come again and again."""
    texts = [(words(output), words(source)) for output, source in (*pairs, *odd_pairs)]
    texts += [(tuple("abaababbab"), tuple("bbabaabbaaab")), (tuple("aaaa"), tuple("aa")), (("a", "b"), ("ab",))]

    shuffle = random.Random(7)
    texts += [
        (tuple(shuffle.choices("abc", k=length)), tuple(shuffle.choices("abcd", k=shuffle.randrange(25))))
        for length in range(25)
        for _ in range(40)
    ]

    assert [tuple(newsroom_fragments(*pair)) for pair in texts] == [fragment_lengths(*pair) for pair in texts]


@pytest.mark.parametrize("vocabulary", [1, 2000])
def test_a_long_copy_is_found_with_few_comparisons(vocabulary: int) -> None:
    """They grow with the words, not with their square; a word that comes again and again, too."""
    compared = 0

    class Word(str):
        __slots__ = ()
        __hash__ = str.__hash__

        def __eq__(self, other: object) -> bool:
            nonlocal compared
            compared += 1
            return str.__eq__(self, other)

    shuffle = random.Random(8)
    source = [f"w{shuffle.randrange(vocabulary)}" for _ in range(20_000)]

    assert (20_000,) == fragment_lengths(tuple(map(Word, source)), tuple(map(Word, source)))
    assert 20_000 <= compared < 10 * 20_000


def test_what_is_copied_and_how_short_it_became(values: Values) -> None:
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
    """They are read as one."""
    record = {"context": ["one two", "three four"]}

    assert {"compression": 0.5, "extractive_coverage": 1.0} == values(
        "two three", record, metrics=("compression", "extractive_coverage")
    )


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("It's 5 o'clock; don't \u2018quote\u2019 me.", ["it's", "5", "o'clock", "don't", "quote", "me"]),
        ("東京タワー in Tokyo", ["東", "京", "タ", "ワ", "ー", "in", "tokyo"]),
        ("हिन्दी में है।", ["हिन्दी", "में", "है"]),
        ("e\u0301tude ÉTUDE", ["étude", "étude"]),
        ("... !", []),
    ],
)
def test_words_of_many_scripts(text: str, found: list[str]) -> None:
    """Han and kana are counted by the letter; accents and vowel signs part no word."""
    assert found == list(words(text))


# -- what cannot be scored ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ({"instruction": "x"}, "the record has no reference field 'response'; it has: instruction"),
        ({"response": None}, "the record has no reference field 'response'; it has: response"),
        ({"response": ""}, "the reference field 'response' is empty"),
        ({"response": []}, "the reference field 'response' is empty"),
        ({"response": ["\n"]}, "the reference field 'response' is empty"),
        ({"response": 5}, "the reference field 'response' holds no text but int"),
        ({"response": ["x", {}]}, "the reference field 'response' holds no text but dict"),
    ],
)
def test_a_record_without_a_reference_is_unscored(one: One, record: Mapping[str, Any], reason: str) -> None:
    """With the reason."""
    assert Unscored(7, reason) == one("x", record)


def test_a_metric_that_a_record_has_no_value_of_is_left_out_and_a_note_says_why(one: One) -> None:
    """The others are there."""
    found = one("yes", {"response": "yes", "context": ""}, metrics=("exact", "compression", "copied_ngrams"))

    reason = "compression, copied_ngrams: the source field 'context' is empty"
    assert Scored(7, {"exact": 1.0}, notes={"left_out": reason}) == found
    short = one("yes", {"context": "yes or no"}, metrics=("compression", "copied_ngrams"), ngram=2)
    assert (
        Scored(7, {"compression": 1 / 3}, notes={"left_out": "copied_ngrams: the output has fewer than 2 words"})
        == short
    )


def test_an_empty_output_is_a_bad_one(one: One) -> None:
    """It has a score wherever there is a definition for it."""
    record = {"response": "yes", "context": "yes or no"}
    found = one(" ", record, metrics=TEXT_METRICS, ngram=1)

    zero = dict.fromkeys(("token_f1", "exact", "bleu", "chrf", "length_ratio", "compression"), 0.0)
    reason = "copied_ngrams, extractive_coverage, extractive_density: the output has no words"
    assert Scored(7, zero, notes={"left_out": reason}) == found


def test_texts_without_words_divide_by_nothing(one: One, values: Values) -> None:
    """A reference or a source of punctuation alone has no length."""
    record = {"response": "...", "context": "?!"}

    assert {"exact"} == set(values("yes", record, metrics=("exact", "length_ratio", "compression")))
    assert Unscored(7, "the reference has no words; the source has no words") == one(
        "yes", record, metrics=("length_ratio", "compression")
    )


def test_odd_texts_have_finite_scores_in_order(step: Context, odd_texts: Sequence[str]) -> None:
    """Every text as output, reference and source of every other one."""
    generations = [
        Generation(index, {"response": reference, "context": reference}, TextPrompt("?", ""), Answer(output))
        for index, (output, reference) in enumerate((o, r) for o in odd_texts for r in odd_texts)
    ]
    found = list(TextMetrics(TextMetricsOptions(metrics=TEXT_METRICS)).evaluate(step, iter(generations)))

    assert [generation.index for generation in generations] == [score.index for score in found]
    for score in found:
        assert not isinstance(score, Scored) or all(math.isfinite(value) for value in score.scores.values())


def test_generations_are_scored_as_they_come(step: Context, generations: Make) -> None:
    """None is read before it is wanted."""
    read = 0

    def counted() -> Any:
        nonlocal read
        for generation in generations([("a", "a")] * 5):
            read += 1
            yield generation

    found = TextMetrics(TextMetricsOptions()).evaluate(step, counted())
    next(found)

    assert 1 == read


# -- options and the card -----------------------------------------------------------------------


@pytest.fixture(name="own")
def _own() -> Registry:
    made = Registry()
    made.add("metrics", hooks, distribution="llmops-sdk")
    return made


def test_metrics_come_in_the_order_of_the_options_and_say_their_scale(own: Registry) -> None:
    """Where no end is the better one, the lower one stands first: shorter, and less copied."""
    found = own.make("evaluator", "text-metrics", {"metrics": list(reversed(TEXT_METRICS)), "ngram": 4}).metrics

    assert list(reversed(TEXT_METRICS)) == [metric.name for metric in found]
    assert {"token_f1", "exact", "bleu", "chrf"} == {metric.name for metric in found if metric.higher_is_better}
    labels = {metric.name: metric.label for metric in found}
    assert ("BLEU (0-100)", "Copied 4-grams", "Exact match (SQuAD)") == (
        labels["bleu"], labels["copied_ngrams"], labels["exact"]
    )  # fmt: skip


def test_its_names_stand_beside_those_of_the_other_evaluators(own: Registry) -> None:
    """A pipeline may have all of them at once."""
    for other in ("qa-accuracy", "summarization-accuracy"):
        assert not EVERY & {metric.name for metric in own.make("evaluator", other, {}).metrics}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"metrics": ["exact_match"]}, "no metric is called 'exact_match'; known: token_f1, exact, bleu"),
        ({"ngram": 0}, "'ngram' must be >= 1"),
        ({"normalize": "SQuAD"}, "normalize is one of squad, none, not 'SQuAD'"),
        ({"bleu_tokenizer": "spm"}, "bleu_tokenizer is one of 13a, intl, zh, char, none, not 'spm'"),
        ({"source": ""}, "source"),
    ],
)
def test_options_that_cannot_be_meant_are_refused(own: Registry, options: dict[str, Any], message: str) -> None:
    """When the pipeline is built, with the reason."""
    with pytest.raises(SpecError, match=message):
        own.make("evaluator", "text-metrics", options)


def test_sacrebleu_is_asked_for_only_where_it_is_needed(own: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the extra, the other metrics work, and the message says what to type."""
    monkeypatch.setattr("llmops_plugins.metrics.text.options.find_spec", lambda _: None)

    assert own.make("evaluator", "text-metrics", {}).metrics
    with pytest.raises(SpecError, match=r"'chrf' needs sacrebleu: pip install 'llmops-sdk\[metrics\]'"):
        own.make("evaluator", "text-metrics", {"metrics": ["chrf"]})


# -- real data ----------------------------------------------------------------------------------


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


# -- the documentation --------------------------------------------------------------------------


def test_the_examples_of_the_page_can_be_run(own: Registry) -> None:
    """Every evaluator in it is made as a specification would, and the table has every metric."""
    page = (Path(__file__).parents[4] / "docs/how-to/metrics.md").read_text(encoding="utf-8")
    specs = [yaml.safe_load(text) for text in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)]
    components = [component_from(item, "the page") for spec in specs for item in spec["evaluators"]]

    assert len(components) > 2
    for component in components:
        assert own.make("evaluator", component.use, component.options).metrics
    assert set(TEXT_METRICS) == set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE))
