from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from transformers import AutoModelForCausalLM, AutoTokenizer  # noqa: E402

from llmops_plugins.local.device import Device  # noqa: E402
from llmops_plugins.local.engine import memory as engine_memory  # noqa: E402
from llmops_plugins.local.engine.cache import KeyValueCache  # noqa: E402
from llmops_plugins.local.engine.engine import Answer, Engine, Job, Outcome, Refused, Request  # noqa: E402
from llmops_plugins.local.engine.linear import PackedLinear, pack_linears  # noqa: E402
from llmops_plugins.local.engine.sampling import Chooser, choose  # noqa: E402
from llmops_plugins.local.engine.scoring import most_scored  # noqa: E402

CPU = Device("cpu", "", "float32")

TEXTS = (
    "Summarize the text.",
    "A town on a river has three bridges. The oldest one was built of stone, the others of steel and of wood.",
    "Which bridge is the oldest?",
    "Write a short note about rain, wind and the sea in November, and keep it under fifty words, please. " * 3,
    "x",
    "The price was 1,250 euros in 1998, and 2,300 euros ten years later.",
)


@pytest.fixture(scope="module")
def engine(tiny_model: Path) -> Engine:
    return Engine(tiny_model, CPU)


def texts(outcomes: Sequence[Outcome | None]) -> list[str]:
    assert all(isinstance(outcome, Answer) for outcome in outcomes), outcomes
    return [outcome.text for outcome in outcomes if isinstance(outcome, Answer)]


def submit(engine: Engine, request: Request) -> Job:
    job = engine.submit(request)
    assert isinstance(job, Job), job
    return job


def answer(outcomes: list[Outcome]) -> Answer:
    (only,) = outcomes
    assert isinstance(only, Answer), only
    return only


def reference(folder: Path, prompt: str | list[int], tokens: int) -> str:
    """What `generate` of transformers writes for one prompt alone."""
    model = AutoModelForCausalLM.from_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    ids = torch.tensor([tokenizer(prompt)["input_ids"] if isinstance(prompt, str) else prompt])
    out = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=tokens, do_sample=False)
    text: str = tokenizer.decode(out[0, ids.shape[1] :], skip_special_tokens=True, clean_up_tokenization_spaces=False)
    return text


# -- greedy -------------------------------------------------------------------------------------


def test_greedy_answers_of_a_batch_are_those_of_transformers(tiny_model: Path, engine: Engine) -> None:
    """Prompts of different lengths, answered together, get what `generate` gives each of them alone."""
    found = engine.generate([Request(text, max_new_tokens=20) for text in TEXTS])
    assert [reference(tiny_model, text, 20) for text in TEXTS] == texts(found)


def test_requests_that_come_and_go_do_not_disturb_each_other(tiny_model: Path) -> None:
    """With more requests than rows, and answers of different lengths, rows are reused and moved; no answer changes."""
    small = Engine(tiny_model, CPU, max_batch=3)
    lengths = (3, 17, 9, 1, 25, 12)
    requests = [Request(text, max_new_tokens=length) for text, length in zip(TEXTS, lengths, strict=True)] * 2
    alone = [answer(small.generate([request])) for request in requests]
    assert alone == small.generate(requests)
    assert [3, 17, 9, 1, 25, 12] == [one.output_tokens for one in alone[:6]]


def test_a_request_joins_a_running_batch(engine: Engine) -> None:
    """One that comes in the middle of another's answer changes neither."""
    first, second = Request(TEXTS[1], max_new_tokens=16), Request(TEXTS[5], max_new_tokens=6)
    alone = texts(engine.generate([first])) + texts(engine.generate([second]))
    one = submit(engine, first)
    for _ in range(4):
        engine.advance()
    two = submit(engine, second)
    while not engine.idle:
        engine.advance()
    assert alone == texts([one.outcome, two.outcome])


def test_a_shared_beginning_is_computed_once_and_changes_nothing(tiny_model: Path, engine: Engine) -> None:
    """Prompts with a long common beginning, also one that is another's whole beginning, get their own answers."""
    shared = TEXTS[3]
    prompts = [shared, shared + TEXTS[1], shared + TEXTS[5], shared, shared[: len(shared) // 2]]
    asked: list[int] = []
    rows: Any = engine._rows
    forward = rows._forward

    def count(tokens: list[int], *rest: object) -> object:
        asked.append(len(tokens))
        return forward(tokens, *rest)

    rows._forward = count
    try:
        found = [answer(engine.generate([Request(prompt, max_new_tokens=12)])) for prompt in prompts]
    finally:
        del rows._forward
    assert [reference(tiny_model, prompt, 12) for prompt in prompts] == [one.text for one in found]
    assert sum(one.prompt_tokens for one in found) / 2 > sum(asked)


def test_a_pass_has_room_for_what_is_left_of_prompts_with_a_known_beginning(engine: Engine) -> None:
    """Prompts that would fill several passes take one, where all but their ends is there already."""
    shared = TEXTS[3] * 2
    known = answer(engine.generate([Request(shared, max_new_tokens=1)])).prompt_tokens
    passes: list[int] = []
    rows: Any = engine._rows
    forward = rows._forward

    def count(tokens: list[int], *rest: object) -> object:
        passes.append(len(tokens))
        return forward(tokens, *rest)

    rows._forward = count
    try:
        engine.generate([Request(f"{shared} {end}", max_new_tokens=1) for end in "abcde"])
    finally:
        del rows._forward
    assert 5 * known > 512
    assert 1 == len(passes)


def test_rows_may_swap_their_beginnings(tiny_model: Path, engine: Engine) -> None:
    """A beginning that was overwritten in the same pass is not taken for what it was."""
    one, two = TEXTS[3], TEXTS[1] + TEXTS[5]
    engine.generate([Request(one, max_new_tokens=2), Request(two, max_new_tokens=2)])
    found = engine.generate([Request(two + "x", max_new_tokens=8), Request(one + "x", max_new_tokens=8)])
    assert [reference(tiny_model, prompt + "x", 8) for prompt in (two, one)] == texts(found)


def test_one_very_long_row_among_short_ones(tiny_model: Path, engine: Engine) -> None:
    """Rows whose lengths differ so much that padding them would be wasteful are attended to one by one."""
    prompts = [TEXTS[3] * 4, *TEXTS[:3], TEXTS[4]]
    assert [reference(tiny_model, prompt, 8) for prompt in prompts] == texts(
        engine.generate([Request(prompt, max_new_tokens=8) for prompt in prompts])
    )


def test_chat_messages_go_through_the_models_template(tiny_model: Path, engine: Engine) -> None:
    """They end with the opening of the assistant's turn, and special tokens are not added twice."""
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": TEXTS[2]}]
    ids = AutoTokenizer.from_pretrained(tiny_model).apply_chat_template(messages, add_generation_prompt=True)
    found = answer(engine.generate([Request(messages, max_new_tokens=10)]))
    assert (reference(tiny_model, ids, 10), len(ids)) == (found.text, found.prompt_tokens)


def test_the_prompt_can_stand_before_the_answer(engine: Engine) -> None:
    """`return_full_text` puts the prompt as it was asked before the answer."""
    plain, full = texts(
        engine.generate([Request(TEXTS[0], max_new_tokens=6, return_full_text=full) for full in (False, True)])
    )
    assert TEXTS[0] + plain == full


# -- ends ---------------------------------------------------------------------------------------


def test_an_answer_ends_at_its_length(engine: Engine) -> None:
    """The reason is `length` and the tokens are counted."""
    found = answer(engine.generate([Request(TEXTS[0], max_new_tokens=7)]))
    assert ("length", 7) == (found.finish_reason, found.output_tokens)


def test_a_stop_string_that_spans_tokens_is_cut(engine: Engine) -> None:
    """The answer ends before the first stop string wherever its letters are divided among tokens, and stops early."""
    whole = answer(engine.generate([Request(TEXTS[1], max_new_tokens=40)]))
    for start in range(2, len(whole.text) - 8, 5):
        stop = whole.text[start : start + 6]
        if not stop.isprintable() or "\ufffd" in whole.text[: start + 6]:
            continue
        found = answer(engine.generate([Request(TEXTS[1], max_new_tokens=40, stop=("never there", stop))]))
        assert (whole.text[: whole.text.index(stop)], "stop") == (found.text, found.finish_reason)
        assert found.output_tokens <= whole.output_tokens


def test_the_first_of_several_stop_strings_counts(engine: Engine) -> None:
    """Where one token completes two of them, the text is cut at the one that begins first."""
    whole = answer(engine.generate([Request(TEXTS[1], max_new_tokens=40)])).text
    early, late = whole[6:9], whole[7:9]
    found = answer(engine.generate([Request(TEXTS[1], max_new_tokens=40, stop=(late, early))]))
    assert whole[: min(whole.index(early), whole.index(late))] == found.text


def test_every_end_token_of_the_generation_settings_ends_an_answer(tiny_model: Path, tmp_path: Path) -> None:
    """Any of a list of end tokens ends it; it is counted and no part of the text."""
    greedy = Engine(tiny_model, CPU)
    job = submit(greedy, Request(TEXTS[1], max_new_tokens=12))
    while not greedy.idle:
        greedy.advance()
    token = job.tokens[5]
    first = job.tokens.index(token)
    folder = shutil.copytree(tiny_model, tmp_path / "model")
    settings = json.loads((folder / "generation_config.json").read_text())
    (folder / "generation_config.json").write_text(json.dumps({**settings, "eos_token_id": [2, token]}))
    found = answer(Engine(folder, CPU).generate([Request(TEXTS[1], max_new_tokens=12)]))
    expected = AutoTokenizer.from_pretrained(tiny_model).decode(job.tokens[:first], skip_special_tokens=True)
    assert ("stop", first + 1, expected) == (found.finish_reason, found.output_tokens, found.text)
    assert reference(folder, TEXTS[1], 12).startswith(found.text)


def test_a_stop_string_that_is_a_special_token_ends_the_answer(engine: Engine) -> None:
    """Special tokens never show in the text, so such a string is looked for among the tokens."""
    stops = engine._text.stops(("<|im_start|>", "plain"))
    start = engine._text._special["<|im_start|>"]
    assert stops.found([5, start])
    assert ("plain",) == stops.strings


# -- refusals -----------------------------------------------------------------------------------


def test_a_prompt_that_leaves_no_room_is_refused_with_both_lengths(engine: Engine) -> None:
    """Nothing is cut; the others of the batch are answered."""
    long, short = engine.generate([Request("word " * 2000, max_new_tokens=8), Request(TEXTS[0], max_new_tokens=2)])
    assert isinstance(long, Refused)
    assert isinstance(short, Answer)
    assert "max_new_tokens 8" in long.reason
    assert "context length of 1024" in long.reason
    assert int(long.reason.split()[3]) > 1024


def test_an_answer_may_fill_the_context_to_its_last_place(engine: Engine) -> None:
    """Prompt and answer together may have exactly the context's length, and not one token more."""
    long = "word " * 480
    room = 1024 - answer(engine.generate([Request(long, max_new_tokens=1)])).prompt_tokens
    fits, over = engine.generate([Request(long, max_new_tokens=room + more) for more in (0, 1)])
    assert isinstance(fits, Answer)
    assert isinstance(over, Refused)
    assert 0 < room < 100


def test_messages_need_a_chat_template(tiny_model: Path, tmp_path: Path) -> None:
    """A model without one refuses them and says what to do."""
    folder = shutil.copytree(tiny_model, tmp_path / "model")
    (folder / "chat_template.jinja").unlink(missing_ok=True)
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    settings.pop("chat_template", None)
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    (found,) = Engine(folder, CPU).generate([Request([{"role": "user", "content": "Hi"}], max_new_tokens=2)])
    assert isinstance(found, Refused)
    assert "no chat template" in found.reason


def test_a_template_that_refuses_the_messages_is_quoted(tiny_model: Path) -> None:
    """The reason that the template gives reaches the caller."""
    strict = Engine(tiny_model, CPU)
    strict._text._tokenizer.chat_template = "{{ raise_exception('roles must alternate') }}"
    (found,) = strict.generate([Request([{"role": "user", "content": "Hi"}], max_new_tokens=2)])
    assert Refused("the model's chat template refuses the messages: roles must alternate") == found


def test_a_model_that_computes_no_numbers_says_so(tiny_model: Path) -> None:
    """A diverged fine-tune answers with the reason, not with token 0 for ever."""
    broken = Engine(tiny_model, CPU)
    rows: Any = broken._rows
    with torch.no_grad():
        rows._model.model.norm.weight.fill_(float("nan"))
    (found,) = broken.generate([Request(TEXTS[0], max_new_tokens=4)])
    assert isinstance(found, Refused)
    assert ("model", True) == (found.fault, "finite" in found.reason)


def test_a_cancelled_request_leaves_and_the_others_go_on(engine: Engine) -> None:
    """Neither a waiting nor a running request that nobody wants keeps a row."""
    kept = Request(TEXTS[1], max_new_tokens=9)
    alone = answer(engine.generate([kept]))
    jobs = [submit(engine, request) for request in (Request(TEXTS[3], max_new_tokens=900), kept)]
    engine.advance()
    jobs.append(submit(engine, Request(TEXTS[0], max_new_tokens=900)))
    jobs[0].cancelled = jobs[2].cancelled = True
    steps = 0
    while not engine.idle:
        engine.advance()
        steps += 1
    assert [None, alone, None] == [job.outcome for job in jobs]
    assert steps < 12


def test_after_an_error_the_engine_is_empty_and_works(engine: Engine) -> None:
    """What fails inside the model is raised; the next request is answered as ever."""
    expected = texts(engine.generate([Request(TEXTS[0], max_new_tokens=4)]))
    rows: Any = engine._rows
    step, rows.step = rows.step, lambda _tokens: (_ for _ in ()).throw(RuntimeError("out of memory"))
    try:
        with pytest.raises(RuntimeError, match="out of memory"):
            engine.generate([Request(TEXTS[0], max_new_tokens=4)])
    finally:
        rows.step = step
    assert engine.idle
    assert expected == texts(engine.generate([Request(TEXTS[0], max_new_tokens=4)]))


# -- sampling -----------------------------------------------------------------------------------


def test_a_sample_depends_on_its_own_seed_only(engine: Engine) -> None:
    """The same seed draws the same answer, alone or among others; another seed draws another."""
    wanted = Request(TEXTS[1], max_new_tokens=16, temperature=1.5, top_p=0.95, seed=7)
    others = [attrs_evolve(wanted, seed=seed, prompt=text) for seed, text in enumerate(TEXTS)]
    alone = texts(engine.generate([wanted]))
    among = texts(engine.generate([*others[:3], wanted, *others[3:]]))
    assert alone == [among[3]]
    assert alone != texts(engine.generate([attrs_evolve(wanted, seed=8)]))


def test_greedy_and_sampled_requests_share_a_batch(engine: Engine) -> None:
    """Each row of a batch follows its own options."""
    greedy = Request(TEXTS[1], max_new_tokens=12)
    hot = attrs_evolve(greedy, temperature=2.0, seed=1)
    cold = attrs_evolve(greedy, temperature=1e-6, top_p=0.5, seed=1)
    plain, wild, frozen = texts(engine.generate([greedy, hot, cold]))
    assert plain == frozen
    assert plain != wild


@pytest.mark.parametrize(("temperature", "top_p"), [(1.0, 1.0), (0.5, 1.0), (1.0, 0.75), (2.0, 0.9)])
def test_tokens_are_drawn_as_often_as_their_probability_says(temperature: float, top_p: float) -> None:
    """Frequencies are those of the softmax at that temperature, cut to the smallest nucleus and scaled to 1."""
    logits = torch.tensor([1.0, 3.0, -1.0, 2.0, 0.0, float("-inf")])
    probabilities = torch.softmax(logits / temperature, dim=-1).tolist()
    kept: dict[int, float] = {}
    for token in sorted(range(6), key=lambda token: -probabilities[token]):
        if sum(kept.values()) >= top_p:
            break
        kept[token] = probabilities[token]
    drawn = 4000
    choosers = [Chooser(temperature, top_p, random.Random(seed)) for seed in range(drawn)]
    tokens = choose(logits.expand(drawn, -1), choosers)
    for token in range(6):
        expected = kept.get(token, 0.0) / sum(kept.values())
        assert expected == pytest.approx(tokens.count(token) / drawn, abs=0.025)
        assert token in kept or token not in tokens


def test_a_nucleus_may_be_wider_than_the_first_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """A flat distribution, whose nucleus has more tokens than are looked at first, is drawn from in full."""
    monkeypatch.setattr("llmops_plugins.local.engine.sampling._TOP", 4)
    choosers = [Chooser(1.0, 0.9, random.Random(seed)) for seed in range(600)]
    assert 18 == len(set(choose(torch.zeros(600, 20), choosers)))


def test_rows_that_are_not_finite_have_no_token() -> None:
    """NaN is told for its own row only, greedy or sampled."""
    logits = torch.tensor([[0.0, 1.0], [float("nan"), 1.0], [float("nan"), 0.0]])
    choosers = [Chooser(temperature, 0.5, random.Random(0)) for temperature in (0.0, 0.0, 1.0)]
    assert [1, None, None] == choose(logits, choosers)


# -- probabilities of a prompt ------------------------------------------------------------------


def token_log_probabilities(folder: Path, prompt: str, dtype: Any = torch.float32) -> list[float]:
    """What transformers' logits say about a prompt's tokens after the first."""
    ids = AutoTokenizer.from_pretrained(folder)(prompt, return_tensors="pt")["input_ids"]
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype)
    with torch.inference_mode():
        logits = model(input_ids=ids).logits[0, :-1].float()
    found: list[float] = logits.log_softmax(-1).gather(1, ids[0, 1:, None])[:, 0].tolist()
    return found


def scored(outcomes: Sequence[Outcome]) -> list[list[Any]]:
    assert all(isinstance(outcome, Answer) for outcome in outcomes), outcomes
    return [[token.log_probability for token in outcome.prompt] for outcome in outcomes if isinstance(outcome, Answer)]


def scoring(*prompts: str) -> list[Request]:
    return [Request(prompt, max_new_tokens=1, scores_prompt=True) for prompt in prompts]


def test_the_log_probabilities_of_a_prompt_are_those_of_transformers(tiny_model: Path, engine: Engine) -> None:
    """Token by token and in their sum, alone and among others of other lengths that are scored or go on answering."""
    others = [Request(text, max_new_tokens=9) for text in TEXTS]
    alone = [scored(engine.generate([request]))[0] for request in scoring(*TEXTS)]
    jobs = [submit(engine, request) for request in others[:2]]
    engine.advance()
    among = engine.generate([request for pair in zip(scoring(*TEXTS), others, strict=True) for request in pair])
    for text, one, other in zip(TEXTS, alone, scored(among[::2]), strict=True):
        expected = token_log_probabilities(tiny_model, text)
        for first, *found in (one, other):
            assert first is None
            assert expected == pytest.approx(found, abs=1e-4)
            assert sum(expected) == pytest.approx(sum(found), rel=1e-5)
    assert [reference(tiny_model, text, 9) for text in TEXTS] == texts(among[1::2])
    assert [reference(tiny_model, text, 9) for text in TEXTS[:2]] == texts([job.outcome for job in jobs])


def test_scoring_changes_no_answer(engine: Engine) -> None:
    """The answer after a scored prompt is that after the plain one; only the scored one has the prompt's tokens."""
    plain, full = (
        answer(engine.generate([Request(TEXTS[1], max_new_tokens=9, scores_prompt=wanted)])) for wanted in (False, True)
    )
    assert attrs_evolve(full, prompt=()) == plain
    assert plain.prompt_tokens == len(full.prompt)


def test_the_tokens_of_a_prompt_have_their_numbers_and_texts(tiny_model: Path, engine: Engine) -> None:
    """A special token is shown as it is written; together the texts are the prompt."""
    prompt = f"<|im_start|>{TEXTS[5]}"
    tokens = answer(engine.generate(scoring(prompt))).prompt
    assert AutoTokenizer.from_pretrained(tiny_model)(prompt)["input_ids"] == [token.id for token in tokens]
    assert "<|im_start|>" == tokens[0].text
    assert prompt == "".join(token.text for token in tokens)


def test_a_prompt_of_one_token_has_no_probability(engine: Engine) -> None:
    """There is nothing before it."""
    assert [[None]] == scored(engine.generate(scoring("x")))


def test_a_known_beginning_is_computed_again_for_its_probabilities(tiny_model: Path, engine: Engine) -> None:
    """A prompt that a row holds already is scored in full, and what was scored is shared with later prompts."""
    shared = TEXTS[3]
    engine.generate([Request(shared, max_new_tokens=3)])
    (found,) = scored(engine.generate(scoring(shared)))
    assert token_log_probabilities(tiny_model, shared) == pytest.approx(found[1:], abs=1e-4)
    longer = shared + TEXTS[1]
    assert reference(tiny_model, longer, 8) == answer(engine.generate([Request(longer, max_new_tokens=8)])).text


@pytest.mark.parametrize("most", [1, 7, 40])
def test_the_logits_of_a_long_prompt_are_computed_in_slices(tiny_model: Path, most: int) -> None:
    """No pass has more of them than allowed, but for one for each plain prompt; the probabilities stay the same."""
    sliced = Engine(tiny_model, CPU)
    rows: Any = sliced._rows
    rows._most_scored = most
    forward, kept = rows._forward, []

    def count(tokens: list[int], positions: list[int], keep: list[int], plan: object) -> object:
        kept.append(len(keep))
        return forward(tokens, positions, keep, plan)

    rows._forward = count
    found = sliced.generate([*scoring(*TEXTS[1:4]), Request(TEXTS[5], max_new_tokens=6)])
    for text, (_, *one) in zip(TEXTS[1:4], scored(found[:3]), strict=True):
        assert token_log_probabilities(tiny_model, text) == pytest.approx(one, abs=1e-4)
    assert reference(tiny_model, TEXTS[5], 6) == texts(found)[3]
    assert max(kept) <= most + 1


def test_a_slice_is_smaller_for_a_larger_vocabulary() -> None:
    """So that its logits take the same memory; one token is always scored."""
    assert (512, 128, 1) == tuple(most_scored(size) for size in (1 << 15, 1 << 17, 1 << 30))


def test_bfloat16_scores_as_transformers_does_in_it(tiny_model: Path) -> None:
    """But for the format's rounding; the softmax itself is computed in float32."""
    half = Engine(tiny_model, Device("cpu", "", "bfloat16"))
    for text, (_, *found) in zip(TEXTS, scored(half.generate(scoring(*TEXTS))), strict=True):
        expected = token_log_probabilities(tiny_model, text, torch.bfloat16)
        assert expected == pytest.approx(found, abs=0.15)
        assert sum(expected) == pytest.approx(sum(found), rel=5e-3)


def test_a_probability_that_is_not_finite_is_the_models_fault(tiny_model: Path) -> None:
    """The request is refused, as where the next token has none; it is never answered with NaN."""
    broken = Engine(tiny_model, CPU)
    rows: Any = broken._rows
    prefill = rows.prefill

    def spoil(*arguments: object) -> object:
        found = prefill(*arguments)
        return attrs_evolve(found, log_probabilities=[[*one[:-1], float("-inf")] for one in found.log_probabilities])

    rows.prefill = spoil
    (found,) = broken.generate(scoring(TEXTS[0]))
    assert isinstance(found, Refused)
    assert ("model", True) == (found.fault, "no finite numbers" in found.reason)


# -- architectures ------------------------------------------------------------------------------


def _mistral(vocabulary: int) -> Any:
    from transformers import MistralConfig, MistralForCausalLM

    return MistralForCausalLM(MistralConfig(
        vocab_size=vocabulary, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=512, sliding_window=12, eos_token_id=None,
    ))  # fmt: skip


def _gpt2(vocabulary: int) -> Any:
    from transformers import GPT2Config, GPT2LMHeadModel

    return GPT2LMHeadModel(
        GPT2Config(vocab_size=vocabulary, n_embd=32, n_layer=2, n_head=4, n_positions=512, eos_token_id=None)
    )


def _gemma2(vocabulary: int) -> Any:
    from transformers import Gemma2Config, Gemma2ForCausalLM

    return Gemma2ForCausalLM(Gemma2Config(
        vocab_size=vocabulary, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, head_dim=8, max_position_embeddings=512, sliding_window=12, eos_token_id=None,
    ))  # fmt: skip


def _bloom(vocabulary: int) -> Any:
    from transformers import BloomConfig, BloomForCausalLM

    return BloomForCausalLM(BloomConfig(vocab_size=vocabulary, hidden_size=32, n_layer=2, n_head=4, eos_token_id=None))


@pytest.mark.parametrize(
    ("make", "batched"),
    [
        pytest.param(_mistral, True, id="sliding window"),
        pytest.param(_gpt2, True, id="learned positions"),
        pytest.param(_gemma2, False, id="capped logits"),
        pytest.param(_bloom, False, id="no replaceable attention"),
    ],
)
def test_other_architectures_answer_as_transformers_does(
    make: Callable[[int], Any],
    batched: bool,  # noqa: FBT001
    tiny_model: Path,
    tmp_path: Path,
) -> None:
    """Batched where the architecture allows; else row by row, found out by comparison when it is loaded.

    Prompts have the probabilities that transformers gives their tokens, also where their logits come in slices.
    """
    tokenizer = AutoTokenizer.from_pretrained(tiny_model)
    tokenizer.save_pretrained(tmp_path)
    torch.manual_seed(1)
    model = make(len(tokenizer))
    for weight in model.parameters():
        torch.nn.init.normal_(weight, std=0.2)
    model.save_pretrained(tmp_path)
    other = Engine(tmp_path, CPU, max_batch=3)
    found = texts(other.generate([Request(text, max_new_tokens=14) for text in TEXTS[:5]]))
    assert batched == other.batched
    assert [reference(tmp_path, text, 14) for text in TEXTS[:5]] == found
    for most in (10_000, 20):
        rows: Any = other._rows
        rows._most_scored = most
        for text, (_, *one) in zip(TEXTS[:5], scored(other.generate(scoring(*TEXTS[:5]))), strict=True):
            assert token_log_probabilities(tmp_path, text) == pytest.approx(one, abs=1e-3)


# -- parts --------------------------------------------------------------------------------------


def test_packed_layers_compute_what_plain_ones_do() -> None:
    """Any number of rows gives the plain layer's values, with and without bias."""
    torch.manual_seed(0)
    for kernel in ("mkl", "onednn"):
        for bias in (True, False):
            layer = torch.nn.Linear(48, 80, bias=bias)
            try:
                packed = PackedLinear(layer, kernel)
            except (RuntimeError, AttributeError):
                pytest.skip(f"this torch has no {kernel}")
            with torch.inference_mode():
                for rows in (1, 2, 7, 16, 33):
                    x = torch.randn(1, rows, 48)
                    torch.testing.assert_close(packed(x), layer(x), rtol=1e-4, atol=1e-5)


def test_a_model_larger_than_the_free_memory_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Packed weights are a second copy, which is made only where there is room."""
    monkeypatch.setattr("llmops_plugins.local.engine.linear.free_memory", lambda: 1000.0)
    model = torch.nn.Sequential(torch.nn.Linear(64, 64))
    assert "plain" == pack_linears(model)
    assert torch.nn.Linear is type(model[0])


def test_free_memory_is_what_the_tightest_limit_leaves(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The machine's available memory, or a container's limit less what it uses, its file cache not counted."""
    meminfo, group = tmp_path / "meminfo", tmp_path / "group"
    meminfo.write_text("MemTotal: 9000 kB\nMemFree: 100 kB\nMemAvailable:   5000 kB\n")
    monkeypatch.setattr(engine_memory, "_MEMINFO", meminfo)
    monkeypatch.setattr(engine_memory, "_GROUP", group)
    assert 5000 * 1024 == engine_memory.free_memory()
    group.mkdir()
    for name, text in (("max", "max\n"), ("current", "700\n"), ("stat", "anon 1\ninactive_file 300\n")):
        (group / f"memory.{name}").write_text(text)
    assert 5000 * 1024 == engine_memory.free_memory()
    (group / "memory.max").write_text("1000\n")
    assert 600 == engine_memory.free_memory()
    meminfo.unlink()
    (group / "memory.max").write_text("max\n")
    assert 0 < engine_memory.free_memory() < float("inf")


def test_the_cache_grows_and_keeps_what_it_holds() -> None:
    """Room for more rows or more places never loses a token; a tight reservation takes no more than is needed."""
    cache = KeyValueCache()
    cache.reserve(1, 10, tight=False)
    cache.write(0, torch.tensor([3]), torch.full((1, 2, 4), 5.0), torch.full((1, 2, 3), 6.0))
    cache.reserve(6, 300, tight=False)
    keys, values = cache.layer(0, torch.empty(0, 2, 4), torch.empty(0, 2, 3))
    assert (8, 384) == (cache.rows, cache.places)
    assert (5.0, 6.0, 0.0) == (keys[0, 3, 1, 3].item(), values[0, 3, 1, 2].item(), keys[5, 299].sum().item())
    cache.copy(0, 7, 4)
    assert 5.0 == cache.layer(0, keys[0], values[0])[0][7, 3, 0, 0].item()
    cache.reserve(9, 130, tight=True)
    assert (9, 256) == (cache.rows, cache.places)
    assert (4 * 2 + 3 * 2) * 4 == cache.bytes_per_place


def test_memory_bounds_the_batch(tiny_model: Path) -> None:
    """With room for few tokens, requests wait for each other and are all answered; one alone always has room."""
    tight = Engine(tiny_model, CPU)
    rows: Any = tight._rows
    rows._limit = 2 * 160 * rows._bytes_per_place
    requests = [Request(text, max_new_tokens=20) for text in TEXTS]
    expected = Engine(tiny_model, CPU).generate(requests)
    jobs = [submit(tight, request) for request in requests]
    while not tight.idle:
        tight.advance()
        running = [job for job in tight._running if job is not None]
        assert len(running) < len(requests)
        assert len(running) <= 1 or len(running) * max(job.places for job in running) <= 320
    assert expected == [job.outcome for job in jobs]


def attrs_evolve(value: Any, **changes: Any) -> Any:
    import attrs

    return attrs.evolve(value, **changes)
