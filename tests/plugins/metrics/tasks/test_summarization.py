"""The evaluator: what it needs, in which order it answers, what it cannot score, and what it says about itself."""

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


def scores(found: RecordScore) -> dict[str, float]:
    assert isinstance(found, Scored), found
    return dict(found.scores)


def test_metrics_come_in_the_order_of_the_options() -> None:
    """The first one decides, so the order is the user's."""
    assert [metric.name for metric in evaluator().metrics] == ["rougeL", "meteor", "rouge1", "rouge2", "bertscore"]
    assert evaluator(metrics=("meteor", "rougeLsum")).metrics == (
        Metric("meteor", "METEOR"),
        Metric("rougeLsum", "ROUGE-Lsum"),
    )


def test_every_generation_gets_all_metrics_in_order(context: Context, pairs: Texts, generations: Make) -> None:
    """Over several batches, with the indexes of the generations, in the order of the options."""
    wanted = ("meteor", "rougeL", "rouge2")
    asked = generations([*pairs, *pairs])
    found = list(evaluator(metrics=wanted).evaluate(context, iter(asked)))

    assert [generation.index for generation in asked] == [score.index for score in found]
    assert {wanted} == {tuple(scores(score)) for score in found}
    assert [scores(score) for score in found[:100]] == [scores(score) for score in found[100:]]


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
    """As in FMEval; nothing at all, and nothing but white space."""
    every = evaluator(metrics=SUMMARIZATION_METRICS)
    found = every.evaluate(context, generations([("", "A reference."), (" \n\t", "A reference.")]))

    assert [dict.fromkeys(SUMMARIZATION_METRICS, 0.0)] * 2 == [scores(score) for score in found]


def test_odd_texts_are_scored(context: Context, odd_pairs: Texts, generations: Make) -> None:
    """Whatever is in a text, its scores are finite numbers; only an empty reference has none."""
    found = list(evaluator(metrics=SUMMARIZATION_METRICS).evaluate(context, generations(odd_pairs)))

    assert len(odd_pairs) == len(found)
    for (_, reference), score in zip(odd_pairs, found, strict=True):
        if reference.strip():
            assert all(math.isfinite(value) for value in scores(score).values())
        else:
            assert score == Unscored(score.index, "the reference field 'response' is empty")


def test_a_record_without_a_reference_is_unscored(context: Context, generations: Make) -> None:
    """It says why; those beside it are scored, and the order holds."""
    good, *bad = generations([("a b", "a b"), ("a", ""), ("a", "b"), ("a", "c")])
    bad[1] = attrs.evolve(bad[1], record={"instruction": "x", "answer": "b"})
    bad[2] = attrs.evolve(bad[2], record={"response": 42})
    found = list(evaluator(metrics=("rouge1",)).evaluate(context, [*bad, good]))

    assert found == [
        Unscored(11, "the reference field 'response' is empty"),
        Unscored(12, "the record has no reference field 'response'; it has: answer, instruction"),
        Unscored(13, "the reference field 'response' holds no text but int"),
        Scored(10, {"rouge1": 1.0}),
    ]
    assert list(evaluator(metrics=("rouge1",)).evaluate(context, bad)) == found[:3]


def test_another_field_can_be_the_reference(context: Context, generations: Make) -> None:
    """Datasets name it as they like."""
    asked = [attrs.evolve(generations([("a", "b")])[0], record={"summary": "a"})]

    assert [Scored(10, {"rouge1": 1.0})] == list(
        evaluator(metrics=("rouge1",), reference="summary").evaluate(context, asked)
    )


def test_nothing_gives_nothing(context: Context) -> None:
    """No generations, no scores, no failure."""
    assert list(evaluator(metrics=("rouge1", "meteor")).evaluate(context, [])) == []


@pytest.fixture
def small_memories(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What scorers keep of records is bounded; here the bounds are so low that a few records reach them."""
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


@pytest.mark.usefixtures("small_memories")
@pytest.mark.parametrize(
    ("metrics", "records", "limit"),
    [(("rougeL", "rouge1"), 6000, 1_000_000), (("meteor",), 1500, 1_000_000), (("bertscore",), 400, 12_000_000)],
)
def test_memory_does_not_grow_with_the_records(
    context: Context, metrics: tuple[str, ...], records: int, limit: int
) -> None:
    """Generations are taken as the scores are, a batch at a time, and what is kept of them is bounded.

    Generations, words or embeddings that were all kept would alone take more than the limit.
    """
    taken = 0

    def many() -> Iterator[Generation]:
        nonlocal taken
        for index in range(records):
            taken += 1
            text = f"The answer number {index} is a text of w{index} words. " * (1 if "bertscore" in metrics else 4)
            yield Generation(index, {"response": text + "So it is."}, TextPrompt("?", ""), Answer(text))

    found = evaluator(metrics=metrics).evaluate(context, many())
    next(found)
    assert taken <= 64
    tracemalloc.start()
    for _ in found:
        pass
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert taken == records
    assert peak < limit


def test_only_what_the_metrics_need_is_imported() -> None:
    """The cards need nothing heavy, and ROUGE neither numpy nor ONNX Runtime."""
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
    """All six metrics of a process of its own, and what they rest on, without any library that takes seconds to load."""
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


def test_several_references_are_all_as_good(context: Context, generations: Make) -> None:
    """Each metric takes the one that suits the output best, whichever its place; empty ones count for nothing."""
    every = evaluator(metrics=SUMMARIZATION_METRICS)
    texts = ["Cats sleep a lot.", "Taxes rise.", " "]
    asked = generations([("A cat sleeps much.", texts[0])] * 3)
    asked[1] = attrs.evolve(asked[1], record={"response": texts})
    asked[2] = attrs.evolve(asked[2], record={"response": texts[::-1]})
    alone, first, last = every.evaluate(context, asked)

    assert scores(alone) == scores(first) == scores(last)


def test_references_that_are_no_texts_are_told(context: Context, generations: Make) -> None:
    """A list of nothing, and lists with something else in them."""
    asked = generations([("a", "b")] * 4)
    held: list[object] = [[], ["", " "], ["a", 3], ["a", None]]
    asked = [attrs.evolve(one, record={"response": value}) for one, value in zip(asked, held, strict=True)]

    assert list(evaluator(metrics=("rouge1",)).evaluate(context, asked)) == [
        Unscored(10, "the reference field 'response' is empty"),
        Unscored(11, "the reference field 'response' is empty"),
        Unscored(12, "the reference field 'response' holds no text but int"),
        Unscored(13, "the reference field 'response' holds no text but NoneType"),
    ]


@pytest.mark.timeout(120)
def test_an_output_of_twenty_thousand_words_is_scored(context: Context, generations: Make) -> None:
    """By all metrics, beside records that are as usual."""
    asked = generations([("word and another one, " * 5000, "One word."), ("One word.", "One word.")])
    long, usual = evaluator(metrics=SUMMARIZATION_METRICS).evaluate(context, asked)

    assert all(0 <= value < 0.6 for value in scores(long).values())
    assert scores(usual)["rouge1"] == 1


def test_candidates_share_the_references(
    context: Context, pairs: Texts, generations: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each cell encodes the outputs of its candidate, and splits them into words; the references' are those of the first."""
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

    for seen in (encoded, split):
        assert len(seen) == 3 + 3 * 3
        assert [seen.count(reference) for reference in references] == [1, 1, 1]


def test_an_asset_that_cannot_be_had_is_an_error(context: Context, generations: Make) -> None:
    """It is the machine's lack, not one record's."""

    def absent(name: str) -> Path:
        message = f"the asset {name!r} is not available"
        raise AssetError(message)

    with pytest.raises(AssetError, match="wordnet"):
        list(evaluator().evaluate(attrs.evolve(context, asset=absent), generations([("a", "b")])))


def test_provenance_tells_what_the_numbers_rest_on(context: Context) -> None:
    """Versions and engines, the origin of WordNet, and the encoder by its own name, layer and hash."""
    metadata = evaluator().provenance(context)

    assert metadata["bertscore_model"] == "sentence-transformers/all-MiniLM-L6-v2"
    assert metadata["bertscore_layers"] == "6"
    assert metadata["bertscore_weights_sha256"] == "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
    assert re.fullmatch(r"onnxruntime \d+\.\d+\.\d+", metadata["bertscore_engine"])
    assert metadata["meteor"] == "the values of nltk 3.10"
    assert re.fullmatch(r"rouge-score(-rs)? \S+, with stemmer", metadata["rouge"])
    source = json.loads((context.asset("wordnet") / "asset.json").read_text())["source"]
    assert metadata["wordnet"].startswith(f"{source}, sha256 ")


def test_provenance_is_silent_about_metrics_that_were_not_asked_for(context: Context) -> None:
    """No model is named that scored nothing."""
    assert list(evaluator(metrics=("rouge1",)).provenance(context)) == ["rouge"]
