from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

import attrs  # noqa: E402
from transformers import AutoTokenizer  # noqa: E402

from llmops_plugins.local.device import Device  # noqa: E402
from llmops_plugins.local.engine.engine import Engine  # noqa: E402
from llmops_plugins.local.engine.request import Completion, GenerationRequest, Rejection, TokenPrompt  # noqa: E402

from .reference import CPU, TEXTS, completion, reference, submit, texts  # noqa: E402


def test_greedy_completions_of_a_batch_are_those_of_transformers(tiny_model: Path, engine: Engine) -> None:
    """Prompts of different lengths, completed together, get what `generate` gives each of them alone."""
    outcomes = engine.generate([GenerationRequest(text, max_new_tokens=20) for text in TEXTS])
    assert [reference(tiny_model, text, 20) for text in TEXTS] == texts(outcomes)


def test_requests_that_join_and_leave_do_not_affect_each_other(tiny_model: Path, device: Device) -> None:
    """With more requests than rows, and of different lengths, rows are reused and moved; no completion changes."""
    small = Engine(tiny_model, device, max_batch=3)
    lengths = (3, 17, 9, 1, 25, 12)
    requests = [GenerationRequest(text, max_new_tokens=length) for text, length in zip(TEXTS, lengths, strict=True)] * 2
    alone = [completion(small.generate([request])) for request in requests]
    assert alone == small.generate(requests)
    assert [3, 17, 9, 1, 25, 12] == [one.output_tokens for one in alone[:6]]


def test_a_request_joins_a_running_batch(engine: Engine) -> None:
    """A request submitted while another one is being completed changes neither completion."""
    first, second = GenerationRequest(TEXTS[1], max_new_tokens=16), GenerationRequest(TEXTS[5], max_new_tokens=6)
    alone = texts(engine.generate([first])) + texts(engine.generate([second]))
    one = submit(engine, first)
    for _ in range(4):
        engine.advance()
    two = submit(engine, second)
    while not engine.idle:
        engine.advance()
    assert alone == texts([one.outcome, two.outcome])


def test_the_prompts_text_is_returned_if_it_is_asked_for(tiny_model: Path, engine: Engine) -> None:
    """A text as it is; of tokens their text, special ones as they are written; of a chat nothing."""
    tokens = AutoTokenizer.from_pretrained(tiny_model)(f"<|im_start|>{TEXTS[0]}")["input_ids"]
    prompts = (TEXTS[0], TokenPrompt(tuple(tokens)), [{"role": "user", "content": "Hi"}])
    outcomes = engine.generate(
        [GenerationRequest(prompt, max_new_tokens=2, return_full_text=True) for prompt in prompts]
    )
    assert [TEXTS[0], f"<|im_start|>{TEXTS[0]}", ""] == [completion([outcome]).prompt_text for outcome in outcomes]
    (plain,) = engine.generate([GenerationRequest(TEXTS[0], max_new_tokens=2)])
    assert "" == completion([plain]).prompt_text


def test_tokens_are_completed_as_the_text_they_stand_for(tiny_model: Path, engine: Engine) -> None:
    """Nothing is added to them; a number that the model has no token for is rejected."""
    tokens = AutoTokenizer.from_pretrained(tiny_model)(TEXTS[1])["input_ids"]
    as_text, as_tokens = engine.generate(
        [GenerationRequest(prompt, max_new_tokens=9) for prompt in (TEXTS[1], TokenPrompt(tuple(tokens)))]
    )
    assert as_text == as_tokens
    (unknown,) = engine.generate([GenerationRequest(TokenPrompt((3, 70_000)))])
    assert isinstance(unknown, Rejection)
    assert "the token 70000, but the model's vocabulary has 1000" in unknown.reason


def test_without_a_limit_a_completion_may_fill_the_context(engine: Engine) -> None:
    """Up to 1024 tokens, and never more than there is room for."""
    long = GenerationRequest("x " * 500, max_new_tokens=None, stop=("never there",))
    active = submit(engine, long)
    active.cancelled = True
    assert (1024 - len(active.prompt), True) == (active.max_new_tokens, len(active.prompt) > 400)


def test_a_completion_ends_at_its_length(engine: Engine) -> None:
    """The reason is `length` and the tokens are counted."""
    ended = completion(engine.generate([GenerationRequest(TEXTS[0], max_new_tokens=7)]))
    assert ("length", 7) == (ended.finish_reason, ended.output_tokens)


def test_every_end_token_of_the_generation_settings_ends_a_completion(tiny_model: Path, tmp_path: Path) -> None:
    """Any of a list of end tokens ends it; it is counted and is no part of the text."""
    greedy = Engine(tiny_model, CPU)
    active = submit(greedy, GenerationRequest(TEXTS[1], max_new_tokens=12))
    while not greedy.idle:
        greedy.advance()
    token = active.tokens[5]
    first = active.tokens.index(token)
    folder = shutil.copytree(tiny_model, tmp_path / "model")
    settings = json.loads((folder / "generation_config.json").read_text())
    (folder / "generation_config.json").write_text(json.dumps({**settings, "eos_token_id": [2, token]}))
    ended = completion(Engine(folder, CPU).generate([GenerationRequest(TEXTS[1], max_new_tokens=12)]))
    expected = AutoTokenizer.from_pretrained(tiny_model).decode(active.tokens[:first], skip_special_tokens=True)
    assert ("stop", first + 1, expected) == (ended.finish_reason, ended.output_tokens, ended.text)
    assert reference(folder, TEXTS[1], 12).startswith(ended.text)


def test_a_prompt_that_leaves_no_room_is_rejected_with_both_lengths(engine: Engine) -> None:
    """Nothing is cut, and the other requests of the batch are completed."""
    long, short = engine.generate(
        [GenerationRequest("word " * 2000, max_new_tokens=8), GenerationRequest(TEXTS[0], max_new_tokens=2)]
    )
    assert isinstance(long, Rejection)
    assert isinstance(short, Completion)
    assert "max_new_tokens 8" in long.reason
    assert "context length of 1024" in long.reason
    assert int(long.reason.split()[3]) > 1024


def test_a_completion_may_fill_the_whole_context(engine: Engine) -> None:
    """Prompt and completion together may have exactly the context's length, and not one token more."""
    long = "word " * 480
    room = 1024 - completion(engine.generate([GenerationRequest(long, max_new_tokens=1)])).prompt_tokens
    fits, over = engine.generate([GenerationRequest(long, max_new_tokens=room + more) for more in (0, 1)])
    assert isinstance(fits, Completion)
    assert isinstance(over, Rejection)
    assert 0 < room < 100


def test_a_sampled_completion_depends_on_its_own_seed_only(engine: Engine) -> None:
    """The same seed gives the same completion, alone or in a batch; another seed gives another."""
    request = GenerationRequest(TEXTS[1], max_new_tokens=16, temperature=1.5, top_p=0.95, seed=7)
    others = [attrs.evolve(request, seed=seed, prompt=text) for seed, text in enumerate(TEXTS)]
    alone = texts(engine.generate([request]))
    together = texts(engine.generate([*others[:3], request, *others[3:]]))
    assert alone == [together[3]]
    assert alone != texts(engine.generate([attrs.evolve(request, seed=8)]))


def test_greedy_and_sampled_requests_share_a_batch(engine: Engine) -> None:
    """Each row of a batch follows its own options."""
    greedy = GenerationRequest(TEXTS[1], max_new_tokens=12)
    hot = attrs.evolve(greedy, temperature=2.0, seed=1)
    cold = attrs.evolve(greedy, temperature=1e-6, top_p=0.5, seed=1)
    plain, wild, frozen = texts(engine.generate([greedy, hot, cold]))
    assert plain == frozen
    assert plain != wild


def test_memory_limits_the_batch(tiny_model: Path, device: Device) -> None:
    """With room for few tokens, requests wait for each other and are all completed; one alone always has room."""
    tight = Engine(tiny_model, device)
    model: Any = tight._model
    model._memory_limit = 2 * 160 * model._bytes_per_position
    requests = [GenerationRequest(text, max_new_tokens=20) for text in TEXTS]
    expected = Engine(tiny_model, device).generate(requests)
    submitted = [submit(tight, request) for request in requests]
    while not tight.idle:
        tight.advance()
        running = [one for one in tight._running if one is not None]
        assert len(running) < len(requests)
        assert len(running) <= 1 or len(running) * max(one.max_tokens for one in running) <= 320
    assert expected == [one.outcome for one in submitted]


def test_a_cancelled_request_leaves_and_the_others_continue(engine: Engine) -> None:
    """Neither a waiting nor a running request that was cancelled keeps a row."""
    kept = GenerationRequest(TEXTS[1], max_new_tokens=9)
    alone = completion(engine.generate([kept]))
    submitted = [submit(engine, request) for request in (GenerationRequest(TEXTS[3], max_new_tokens=900), kept)]
    engine.advance()
    submitted.append(submit(engine, GenerationRequest(TEXTS[0], max_new_tokens=900)))
    submitted[0].cancelled = submitted[2].cancelled = True
    steps = 0
    while not engine.idle:
        engine.advance()
        steps += 1
    assert [None, alone, None] == [one.outcome for one in submitted]
    assert steps < 12


def test_after_an_error_the_engine_is_empty_and_works(engine: Engine) -> None:
    """An error inside the model is raised; the next request is completed as usual."""
    expected = texts(engine.generate([GenerationRequest(TEXTS[0], max_new_tokens=4)]))
    model: Any = engine._model
    step, model.step = model.step, lambda _tokens: (_ for _ in ()).throw(RuntimeError("out of memory"))
    try:
        with pytest.raises(RuntimeError, match="out of memory"):
            engine.generate([GenerationRequest(TEXTS[0], max_new_tokens=4)])
    finally:
        model.step = step
    assert engine.idle
    assert expected == texts(engine.generate([GenerationRequest(TEXTS[0], max_new_tokens=4)]))
