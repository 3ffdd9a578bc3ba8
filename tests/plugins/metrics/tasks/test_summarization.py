"""Summarization accuracy: its scores and their order, records without a score, memory, imports and provenance."""

from __future__ import annotations

import json
import math
import os
import re
import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import attrs
import pytest

from llmops_plugins.metrics.bertscore.encoder import Embedding
from llmops_plugins.metrics.bertscore.onnx import OnnxEncoder
from llmops_plugins.metrics.bertscore.score import bert_score
from llmops_plugins.metrics.defined import rouge_problem
from llmops_plugins.metrics.meteor.score import meteor
from llmops_plugins.metrics.meteor.words import Words
from llmops_plugins.metrics.tasks.options import SUMMARIZATION_METRICS, SummarizationAccuracyOptions
from llmops_plugins.metrics.tasks.summarization import SummarizationAccuracy
from llmops_sdk import AssetError
from llmops_sdk.plugin import Answer, Context, Generation, Metric, RecordScore, Scored, TextPrompt, Unscored

Texts = Sequence[tuple[str, str]]
Make = Callable[[Texts], list[Generation]]


def evaluator(**options: object) -> SummarizationAccuracy:
    return SummarizationAccuracy(SummarizationAccuracyOptions(**options))  # type: ignore[arg-type]


def scores(score: RecordScore) -> dict[str, float]:
    assert isinstance(score, Scored), score
    return dict(score.scores)


def test_metrics_come_in_the_order_of_the_options() -> None:
    """The first one decides."""
    assert [metric.name for metric in evaluator().metrics] == ["rougeL", "meteor", "rouge1", "rouge2", "bertscore"]
    assert evaluator(metrics=("meteor", "rougeLsum")).metrics == (
        Metric("meteor", "METEOR", bounds=(0.0, 1.0)),
        Metric("rougeLsum", "ROUGE-Lsum", bounds=(0.0, 1.0)),
    )


def test_every_generation_has_all_metrics_in_order(context: Context, pairs: Texts, generations: Make) -> None:
    """Over several batches, with the indexes of the generations, in the order of the options."""
    metrics = ("meteor", "rougeL", "rouge2")
    asked = generations([*pairs, *pairs])
    results = list(evaluator(metrics=metrics).evaluate(context, iter(asked)))

    assert [generation.index for generation in asked] == [score.index for score in results]
    assert {metrics} == {tuple(scores(score)) for score in results}
    assert [scores(score) for score in results[:100]] == [scores(score) for score in results[100:]]


def test_a_perfect_and_an_unrelated_output(context: Context, generations: Make) -> None:
    """The default metrics, on texts whose ROUGE can be counted by hand."""
    perfect, unrelated = evaluator().evaluate(
        context, generations([("Cats sleep a lot.", "Cats sleep a lot."), ("Taxes rise.", "Cats sleep a lot.")])
    )

    assert scores(perfect) == pytest.approx(
        {"rougeL": 1, "meteor": 1 - 0.5 / 5**3, "rouge1": 1, "rouge2": 1, "bertscore": 1}, abs=1e-5
    )
    assert scores(unrelated)["rouge1"] == 0
    assert scores(unrelated)["bertscore"] < 0.5


def test_an_empty_output_scores_zero(context: Context, generations: Make) -> None:
    """As in FMEval; an output of white space too."""
    every = evaluator(metrics=SUMMARIZATION_METRICS)
    results = every.evaluate(context, generations([("", "A reference."), (" \n\t", "A reference.")]))

    assert [dict.fromkeys(SUMMARIZATION_METRICS, 0.0)] * 2 == [scores(score) for score in results]


def test_odd_texts_are_scored(context: Context, odd_pairs: Texts, generations: Make) -> None:
    """Whatever a text contains, its scores are finite; a record whose reference is empty, or has no word of any metric, has none."""
    results = list(evaluator(metrics=SUMMARIZATION_METRICS).evaluate(context, generations(odd_pairs)))

    assert len(odd_pairs) == len(results)
    for (_, reference), score in zip(odd_pairs, results, strict=True):
        if isinstance(score, Unscored) and reference.strip():
            assert score.error.startswith(rouge_problem(reference))
            assert "no token" in score.error
        elif reference.strip():
            assert all(math.isfinite(value) for value in scores(score).values())
            if isinstance(score, Scored) and len(score.scores) < len(SUMMARIZATION_METRICS):
                assert rouge_problem(reference) in score.notes["left_out"]
        else:
            assert score == Unscored(score.index, "the reference field 'response' is empty")


@pytest.mark.parametrize(
    ("reference", "reason"),
    [
        *((text, "the reference is written in others") for text in (
            "\u092a\u0942\u0930\u094d\u0935", "\u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35", "\u4eca\u5929\u5929\u6c14",
            "\u041f\u0440\u0438\u0432\u0435\u0442 2024",
        )),
        ("... !", "the reference is punctuation only"),
    ],
)  # fmt: skip
def test_rouge_is_not_defined_for_what_it_does_not_read(
    context: Context, generations: Make, reference: str, reason: str
) -> None:
    """A copy and nonsense alike have no value, instead of 0."""
    for output in (reference, "nonsense"):
        (score,) = evaluator(metrics=("rougeL",)).evaluate(context, generations([(output, reference)]))
        assert isinstance(score, Unscored)
        assert reason in score.error


def test_letters_that_rouge_drops_are_noted(context: Context, generations: Make) -> None:
    """Accents are not read: two words are the same to it. Of several references, those that it reads count."""
    (score,) = evaluator(metrics=("rougeL",)).evaluate(context, generations([("est", "est\u00e1")]))
    assert isinstance(score, Scored)
    assert (1.0, True) == (score.scores["rougeL"], "it drops 1 of the 4 letters" in score.notes["left_out"])
    (several,) = generations([("good", "good")])
    several = attrs.evolve(several, record={"response": ["\u4eca\u5929", "good"]})
    assert [Scored(10, {"rougeL": 1.0})] == list(evaluator(metrics=("rougeL",)).evaluate(context, [several]))


def test_a_record_without_a_reference_is_unscored(context: Context, generations: Make) -> None:
    """With the reason; the records around it are scored, in their order."""
    good, *bad = generations([("a b", "a b"), ("a", ""), ("a", "b"), ("a", "c")])
    bad[1] = attrs.evolve(bad[1], record={"instruction": "x", "answer": "b"})
    bad[2] = attrs.evolve(bad[2], record={"response": 42})
    results = list(evaluator(metrics=("rouge1",)).evaluate(context, [*bad, good]))

    assert results == [
        Unscored(11, "the reference field 'response' is empty"),
        Unscored(12, "the record has no reference field 'response'; it has: answer, instruction"),
        Unscored(13, "the reference field 'response' must be text, not int"),
        Scored(10, {"rouge1": 1.0}),
    ]
    assert list(evaluator(metrics=("rouge1",)).evaluate(context, bad)) == results[:3]


def test_another_field_can_be_the_reference(context: Context, generations: Make) -> None:
    """By the option `reference`."""
    asked = [attrs.evolve(generations([("a", "b")])[0], record={"summary": "a"})]

    assert [Scored(10, {"rouge1": 1.0})] == list(
        evaluator(metrics=("rouge1",), reference="summary").evaluate(context, asked)
    )


def test_no_generations_have_no_scores(context: Context) -> None:
    """It is not an error."""
    assert list(evaluator(metrics=("rouge1", "meteor")).evaluate(context, [])) == []


@pytest.fixture
def small_caches(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Lower the limits of the scorers' caches: a few records reach them."""
    monkeypatch.setattr("llmops_plugins.metrics.meteor.score._KEPT_STEMS", 100)
    monkeypatch.setattr("llmops_plugins.metrics.meteor.score._KEPT_REFERENCES", 100)
    monkeypatch.setattr("llmops_plugins.metrics.meteor.sentences._KEPT_CONTEXTS", 100)
    monkeypatch.setattr("llmops_plugins.metrics.bertscore.score._REFERENCE_BYTES", 1_000_000)
    monkeypatch.setattr("llmops_plugins.metrics.bertscore.score._OUTPUT_BYTES", 1_000_000)
    meteor.cache_clear()
    bert_score.cache_clear()
    yield
    meteor.cache_clear()
    bert_score.cache_clear()


@pytest.mark.slow
@pytest.mark.usefixtures("small_caches")
@pytest.mark.parametrize(
    ("metrics", "records", "limit"),
    [(("rougeL", "rouge1"), 6000, 1_000_000), (("meteor",), 1500, 1_000_000), (("bertscore",), 400, 12_000_000)],
)
def test_memory_does_not_grow_with_the_records(
    context: Context, metrics: tuple[str, ...], records: int, limit: int
) -> None:
    """Generations are read as their scores are, a batch at a time, and the caches are limited.

    If all generations, words or embeddings were kept, they alone would take more than the limit.
    """
    taken = 0

    def many() -> Iterator[Generation]:
        nonlocal taken
        for index in range(records):
            taken += 1
            text = f"The answer number {index} is a text of w{index} words. " * (1 if "bertscore" in metrics else 4)
            yield Generation(index, {"response": text + "So it is."}, TextPrompt("?", ""), Answer(text))

    results = evaluator(metrics=metrics).evaluate(context, many())
    next(results)
    assert taken <= 64
    tracemalloc.start()
    for _ in results:
        pass
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert taken == records
    assert peak < limit


def test_only_needed_libraries_are_imported() -> None:
    """The cards need no heavy library, and ROUGE needs neither regex nor ONNX Runtime."""
    code = (
        "import sys; from llmops_plugins.metrics.hooks import llmops_cards\n"
        "from llmops_plugins.metrics.tasks.options import SummarizationAccuracyOptions as Options\n"
        "llmops_cards()\n"
        "heavy = ('numpy', 'nltk', 'regex', 'rouge_score', 'rouge_score_rs', 'onnxruntime', 'torch', 'transformers')\n"
        "print([name for name in heavy if name in sys.modules])\n"
        "from llmops_plugins.metrics.tasks.summarization import SummarizationAccuracy\n"
        "list(SummarizationAccuracy(Options(metrics=('rougeL',))).evaluate(None, []))\n"
        "print([name for name in ('regex', 'onnxruntime') if name in sys.modules])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=dict(os.environ)
    )

    assert done.stdout.split("\n") == ["[]", "[]", ""]


def test_scoring_imports_neither_torch_nor_fmeval(
    asset: Callable[[str], Path], assets_home: Path, tmp_path: Path
) -> None:
    """In a process of its own, all six metrics and the provenance need no library that takes seconds to load."""
    code = (
        "import sys; from pathlib import Path\n"
        "from llmops_plugins.metrics.tasks.summarization import SummarizationAccuracy\n"
        "from llmops_plugins.metrics.tasks.options import SummarizationAccuracyOptions, SUMMARIZATION_METRICS\n"
        "from llmops_sdk.plugin import Answer, Generation, TextPrompt\n"
        "from llmops_sdk.testing import make_context\n"
        "names = ('wordnet', 'punkt-tab', 'minilm')\n"
        "assets = dict(zip(names, map(Path, sys.argv[3:])))\n"
        "context = make_context(Path(sys.argv[1]), home=Path(sys.argv[2]), assets=assets)\n"
        "evaluator = SummarizationAccuracy(SummarizationAccuracyOptions(metrics=SUMMARIZATION_METRICS))\n"
        "asked = [Generation(0, {'response': 'Cats sleep a lot.'}, TextPrompt('', ''), Answer('A cat sleeps much.'))]\n"
        "print([len(score.scores) for score in evaluator.evaluate(context, asked)])\n"
        "print(evaluator.provenance(context)['bertscore_engine'].split()[0])\n"
        "slow = ('torch', 'transformers', 'tokenizers', 'fmeval', 'ray', 'nltk', 'scipy', 'sklearn', 'pandas')\n"
        "print([name for name in slow if name in sys.modules])\n"
    )
    folders = [tmp_path / "step", assets_home, *map(asset, ("wordnet", "punkt-tab", "minilm"))]
    done = subprocess.run([sys.executable, "-c", code, *map(str, folders)], capture_output=True, text=True, check=False)

    assert done.stdout.splitlines() == ["[6]", "onnxruntime", "[]"], done.stderr


def test_the_best_of_several_references_counts(context: Context, generations: Make) -> None:
    """For each metric, in any order of the references; empty ones do not count."""
    every = evaluator(metrics=SUMMARIZATION_METRICS)
    texts = ["Cats sleep a lot.", "Taxes rise.", " "]
    asked = generations([("A cat sleeps much.", texts[0])] * 3)
    asked[1] = attrs.evolve(asked[1], record={"response": texts})
    asked[2] = attrs.evolve(asked[2], record={"response": texts[::-1]})
    alone, first, last = every.evaluate(context, asked)

    assert scores(alone) == scores(first) == scores(last)


def test_references_that_are_not_texts_are_unscored(context: Context, generations: Make) -> None:
    """Empty lists, and lists with other values."""
    asked = generations([("a", "b")] * 4)
    references: list[object] = [[], ["", " "], ["a", 3], ["a", None]]
    asked = [attrs.evolve(one, record={"response": value}) for one, value in zip(asked, references, strict=True)]

    assert list(evaluator(metrics=("rouge1",)).evaluate(context, asked)) == [
        Unscored(10, "the reference field 'response' is empty"),
        Unscored(11, "the reference field 'response' is empty"),
        Unscored(12, "the reference field 'response' must be text, not int"),
        Unscored(13, "the reference field 'response' must be text, not NoneType"),
    ]


@pytest.mark.timeout(120)
def test_an_output_of_twenty_thousand_words_is_scored(context: Context, generations: Make) -> None:
    """By all metrics, together with usual records."""
    asked = generations([("word and another one, " * 5000, "One word."), ("One word.", "One word.")])
    long, usual = evaluator(metrics=SUMMARIZATION_METRICS).evaluate(context, asked)

    assert all(0 <= value < 0.6 for value in scores(long).values())
    assert scores(usual)["rouge1"] == 1


def test_candidates_share_the_references(
    context: Context, pairs: Texts, generations: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each candidate's outputs are encoded and split into words; the references only with the first candidate."""
    encoded: list[str] = []
    split: list[str] = []
    embed, words = OnnxEncoder.embed, Words.split

    def counting(self: OnnxEncoder, texts: Iterable[str]) -> dict[str, Embedding]:
        texts = list(texts)
        encoded.extend(texts)
        return embed(self, texts)

    def splitting(self: Words, text: str) -> list[str]:
        split.append(text)
        return words(self, text)

    monkeypatch.setattr(OnnxEncoder, "embed", counting)
    monkeypatch.setattr(Words, "split", splitting)
    references = [f"{reference} (shared)" for _, reference in pairs[:3]]
    for candidate in range(3):
        texts = [(f"Output {candidate}: {reference}", reference) for reference in references]
        list(evaluator(metrics=("bertscore", "meteor")).evaluate(context, generations(texts)))

    for texts_seen in (encoded, split):
        assert len(texts_seen) == 3 + 3 * 3
        assert [texts_seen.count(reference) for reference in references] == [1, 1, 1]


def test_a_missing_asset_fails_the_evaluator(context: Context, generations: Make) -> None:
    """It is an error of the machine, not of a record."""

    def absent(name: str) -> Path:
        message = f"the asset {name!r} is not available"
        raise AssetError(message)

    with pytest.raises(AssetError, match="wordnet"):
        list(evaluator().evaluate(attrs.evolve(context, asset=absent), generations([("a", "b")])))


def test_the_provenance_has_versions_and_hashes(context: Context) -> None:
    """Versions and engines, the source of WordNet, and the encoder with its name, layer and hash."""
    metadata = evaluator().provenance(context)

    assert metadata["bertscore_model"] == "sentence-transformers/all-MiniLM-L6-v2"
    assert metadata["bertscore_layers"] == "6"
    assert metadata["bertscore_weights_sha256"] == "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
    assert re.fullmatch(r"onnxruntime \d+\.\d+\.\d+", metadata["bertscore_engine"])
    assert metadata["meteor"] == "the values of nltk 3.10"
    assert re.fullmatch(r"rouge-score(-rs)? \S+, with stemmer", metadata["rouge"])
    source = json.loads((context.asset("wordnet") / "asset.json").read_text())["source"]
    assert metadata["wordnet"].startswith(f"{source}, sha256 ")


def test_the_provenance_has_only_the_metrics_of_the_options(context: Context) -> None:
    """A model that scored nothing is not named."""
    assert list(evaluator(metrics=("rouge1",)).provenance(context)) == ["rouge"]
