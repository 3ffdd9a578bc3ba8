"""A judge's scores: their order, their notes, and records that have none."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import attrs
import pytest
import yaml

import llmops_sdk.testing
from llmops_plugins.metrics.judge.evaluator import LlmJudge
from llmops_plugins.metrics.judge.options import JudgeOptions
from llmops_plugins.metrics.judge.prompt import parse_score
from llmops_sdk import LocalStore, Pipeline, Progress, Results, Secret
from llmops_sdk.planning.specification.data import component_from
from llmops_sdk.plugin import Answer, BaseModel, Context, Generation, Metric, Scored, TextPrompt, Unscored
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.testing import InstantEndpoint, make_context

from .conftest import KEY, URL, Recorder, Serve, generation, graded, judge

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
MISSING = object()


def test_outputs_are_scored_in_order_with_the_judgments_in_the_notes(step: Context, serve: Serve) -> None:
    """With more records than one batch has, and several questions at a time."""
    endpoint = serve()
    scores = judge(step, [generation(index) for index in range(50)], url=endpoint.url, concurrency=3)

    words = [f"It has its reasons.\nScore: {index % 5 + 1}" for index in range(50)]
    assert [Scored(index, {"judge": index % 5 + 1}, notes={"judgment": words[index]}) for index in range(50)] == scores
    assert 50 == len(endpoint.prompts)


def test_a_score_is_given_while_others_are_asked(step: Context, serve: Serve) -> None:
    """As soon as it and those before it are known."""
    held = threading.Event()

    def answer(prompt: str) -> str:
        if "output 3" in prompt:
            held.wait(20)
        return graded(prompt)

    scores = LlmJudge(JudgeOptions(url=serve(answer).url)).evaluate(step, map(generation, range(4)))

    assert [0, 1, 2] == [next(scores).index for _ in range(3)]
    held.set()
    assert [3] == [score.index for score in scores]


def test_an_answer_without_a_score_is_unscored_with_the_raw_judgment(step: Context, serve: Serve) -> None:
    """No score is guessed from a judge's text."""
    answer = "I would say that four of five are right."
    (score,) = judge(step, [generation(0)], url=serve(lambda _: answer).url)

    assert Unscored(0, f"the judge's last line is not a score: {answer!r}", notes={"judgment": answer}) == score


def test_a_judgment_that_was_cut_off_is_unscored(
    step: Context, openai: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its last line may be half of a number."""
    from llmops_sdk.plugin import Answer, HttpTransport

    monkeypatch.setattr(HttpTransport, "send", lambda *_: Answer("Score: 1", finish_reason="length"))
    (score,) = judge(step, [generation(0)], url=openai.url, max_new_tokens=9)

    assert Unscored(0, "the judgment was cut off at max_new_tokens (9)", notes={"judgment": "Score: 1"}) == score


def test_repetitions_are_averaged_and_ask_with_other_seeds(step: Context, openai: Recorder, monkeypatch: Any) -> None:
    """A judgment without a score is left out of the mean, and kept in the notes."""
    monkeypatch.setenv("JUDGE_KEY", KEY)
    openai.answer = lambda _: ("Score: 2", "Score: 5", "I pass.")[openai.bodies[-1]["seed"]]
    options = {"url": openai.url, "model": "m", "api_key": Secret("env:JUDGE_KEY"), "concurrency": 1}
    (score,) = judge(step, [generation(0)], temperature=0.7, repeats=3, **options)

    notes = {"judgment_1": "Score: 2", "judgment_2": "Score: 5", "judgment_3": "I pass."}
    assert Scored(0, {"judge": 3.5}, notes=notes) == score
    assert [0, 1, 2] == [body["seed"] for body in openai.bodies]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"context": None}, "the record has no field 'context', which the judge's prompt shows; it has: "),
        ({"response": {"a": 1}}, "the field 'response', which the judge's prompt shows, must be text, not dict"),
    ],
)
def test_a_record_that_cannot_be_shown_is_unscored(
    step: Context, serve: Serve, fields: dict[str, Any], reason: str
) -> None:
    """The others are judged."""
    scores = judge(step, [generation(0, **fields), generation(1, context="")], url=serve().url)

    assert isinstance(scores[0], Unscored)
    assert scores[0].error.startswith(reason)
    assert isinstance(scores[1], Scored)


def test_odd_texts_are_judged(step: Context, serve: Serve, odd_texts: list[str]) -> None:
    """Whatever an output contains, such as braces and halves of surrogate pairs; and whatever the judge writes."""
    outputs = [*odd_texts, "{output} {rubric} {0} {", "}}"]
    half = "half \ud83d of a pair\nScore: 3"
    scores = judge(step, [generation(i, text) for i, text in enumerate(outputs)], url=serve(lambda _: half).url)

    assert [
        Scored(i, {"judge": 3}, notes={"judgment": "half \ufffd of a pair\nScore: 3"}) for i in range(len(outputs))
    ] == scores


def test_two_judges_have_two_names(metrics_registry: Registry) -> None:
    """And labels with the scale."""
    options = {
        "url": URL,
        "rubric": "x",
        "lowest": 0,
        "highest": 10,
        "metric": "tone",
        "extra_body": {"max_tokens": None},
    }

    tone, judge = (
        metrics_registry.make("evaluator", "llm-judge", chosen).metrics for chosen in (options, {"url": URL})
    )
    assert (Metric("tone", "tone (0-10)", bounds=(0, 10)),) == tone
    assert (Metric("judge", "Judge (1-5)", bounds=(1, 5)),) == judge


def test_the_examples_of_the_page_can_be_run(metrics_registry: Registry) -> None:
    """Every judge in it is made as a specification would, and every score in it is read as one."""
    page = (Path(__file__).parents[4] / "docs/how-to/llm-judge.md").read_text(encoding="utf-8")
    specs = [yaml.safe_load(text) for text in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)]
    components = [component_from(item, "the page") for spec in specs for item in spec["evaluators"]]

    assert ["judge", "judge", "tone", "wins"] == [
        metrics_registry.make("evaluator", component.use, component.options).metrics[0].name for component in components
    ]
    shown = re.findall(r"`([*]*Score:[^`]*[0-9.]+)`", page)
    assert len(shown) > 3
    assert all(isinstance(parse_score(line, lowest=1, highest=5), float) for line in shown)


def test_a_pipeline_keeps_the_judgments_and_never_the_key(
    openai: Recorder, tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The samples of a run have the judgments; with another concurrency, nothing is judged again."""
    monkeypatch.setenv("JUDGE_KEY", KEY)
    openai.answer = lambda _: "It will do.\nScore: 4"
    registry = Registry.load()
    registry.add("testing", llmops_sdk.testing)

    def run(**options: Any) -> Results:
        result = (
            Pipeline.builder("judged")
            .with_dataset("lines", records=8)
            .with_prompt("bare")
            .with_model("echo", fine_tune=False)
            .with_evaluator("llm-judge", url=openai.url, model="judge-7b", api_key="env:JUDGE_KEY", **options)
            .run(store=str(tmp_path / "store"), registry=registry, progress=Progress())
        )
        assert not result.failures
        return result.results

    ((cell,),) = (board.cells for board in run().leaderboards)
    assert (4, 4) == (cell.estimates["judge"].mean, cell.estimates["judge"].records)
    run(concurrency=2)
    assert 4 == len(openai.bodies)

    store = LocalStore(tmp_path / "store")
    files = {key: store.get(key) or b"" for key in store.list("")}
    (samples,) = (data for key, data in files.items() if key.endswith("/samples.jsonl"))
    assert 4 == samples.count(rb'"notes":{"llm-judge":{"judgment":"It will do.\nScore: 4"}}')
    assert not [key for key, data in {**files, **_files(home)}.items() if KEY.encode() in data]


def _files(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.slow  # it loads a model of 135 million parameters in a server process
def test_the_answers_of_a_model_that_cannot_judge_are_kept(
    tmp_path: Path, asset: Callable[[str], Path], assets_home: Path
) -> None:
    """The project's own endpoint with a real small model, in both forms: scored or not, the raw judgment is in the notes."""
    asset("smollm2-135m-instruct")
    context = attrs.evolve(make_context(tmp_path / "step", home=assets_home), asset=asset)
    deployer = Registry.load().make("deployer", "local-endpoint", {})
    model = BaseModel("huggingface", "smollm2-135m-instruct")
    endpoint = deployer.deploy(context, model)
    try:
        chat, text = (
            judge(make_context(tmp_path / form), [generation(0)], url=endpoint.url, form=form, max_new_tokens=24)
            for form in ("chat", "text")
        )
    finally:
        for resource in deployer.resources(context, model):
            deployer.delete(context, resource)

    for (score,) in (chat, text):
        assert isinstance(score, (Scored, Unscored))
        assert score.notes["judgment"].strip()
        assert isinstance(score, Scored) or "judgment was cut off" in score.error or "not a score" in score.error
    assert chat != text


@pytest.mark.parametrize("form", ["chat", "text"])
@pytest.mark.parametrize("prefix", ["", LONG, "😀 \x00\x1b[31m \u202e\u2028 "], ids=["short", "long", "odd"])
def test_a_judge_is_asked_about_hard_texts(step: Context, form: str, prefix: str) -> None:
    """Whatever the texts are, and whatever the judge writes before its score."""
    endpoint = InstantEndpoint(lambda _prompt: f"{prefix}\nScore: 2")
    outputs = generations_of([*TEXTS, "", " \n"], [USUAL])
    references = generations_of([USUAL], TEXTS[1:])
    try:
        judge = LlmJudge(JudgeOptions(url=endpoint.url, form=form, prompt="{rubric} {reference} {output}"))
        scores = [*judge.evaluate(step, outputs), *judge.evaluate(step, references)]
    finally:
        endpoint.close()

    assert [one.index for one in (*outputs, *references)] == [score.index for score in scores]
    assert [{"judge": 2}] * len(scores) == [score.scores for score in scores if isinstance(score, Scored)]
    assert len(scores) == len(endpoint.prompts)


def test_a_judge_is_not_asked_without_a_reference(step: Context) -> None:
    """Its prompt shows one that is missing or not a text; an answer of 20,000 words without a score has none."""
    endpoint = InstantEndpoint(lambda _prompt: LONG)
    missing = [None, [], ["x", None], {"a": 1}, MISSING]
    try:
        judge = LlmJudge(JudgeOptions(url=endpoint.url, prompt="{rubric} {reference} {output}"))
        (unread, *errors) = judge.evaluate(step, generations_of([LONG], [USUAL, *missing]))
    finally:
        endpoint.close()

    assert getattr(unread, "error", "").startswith("the judge's last line is not a score: 'word and another")
    assert isinstance(unread, Unscored)
    assert LONG.strip() == unread.notes["judgment"].strip()
    assert len(missing) == len(errors)
    assert all("which the judge's prompt shows" in getattr(error, "error", "") for error in errors)
    assert 1 == len(endpoint.prompts)


def generations_of(outputs: Sequence[str], references: Sequence[Any]) -> list[Generation]:
    """Return every output with every reference."""
    return [
        Generation(
            index,
            {"instruction": "?"} if reference is MISSING else {"response": reference, "context": reference},
            TextPrompt("?", ""),
            Answer(output),
        )
        for index, (output, reference) in enumerate(product(outputs, references))
    ]
