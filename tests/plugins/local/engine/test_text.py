from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from transformers import AutoTokenizer  # noqa: E402

from llmops_plugins.local.engine.engine import Engine  # noqa: E402
from llmops_plugins.local.engine.request import GenerationRequest, Rejection  # noqa: E402

from .reference import CPU, TEXTS, completion, reference  # noqa: E402


def test_chat_messages_go_through_the_models_template(tiny_model: Path, engine: Engine) -> None:
    """They end with the start of the assistant's turn, and special tokens are not added twice."""
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": TEXTS[2]}]
    tokenizer = AutoTokenizer.from_pretrained(tiny_model)
    ids = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_dict=False)
    completed = completion(engine.generate([GenerationRequest(messages, max_new_tokens=10)]))
    assert (reference(tiny_model, ids, 10), len(ids)) == (completed.text, completed.prompt_tokens)


def test_messages_need_a_chat_template(tiny_model: Path, tmp_path: Path) -> None:
    """A model without a chat template rejects messages and says what to do."""
    folder = shutil.copytree(tiny_model, tmp_path / "model")
    (folder / "chat_template.jinja").unlink(missing_ok=True)
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    settings.pop("chat_template", None)
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    (outcome,) = Engine(folder, CPU).generate(
        [GenerationRequest([{"role": "user", "content": "Hi"}], max_new_tokens=2)]
    )
    assert isinstance(outcome, Rejection)
    assert "no chat template" in outcome.reason


def test_a_template_that_refuses_the_messages_is_quoted(tiny_model: Path) -> None:
    """The caller gets the template's own reason."""
    strict = Engine(tiny_model, CPU)
    strict._codec._tokenizer.chat_template = "{{ raise_exception('roles must alternate') }}"
    (outcome,) = strict.generate([GenerationRequest([{"role": "user", "content": "Hi"}], max_new_tokens=2)])
    assert Rejection("the model's chat template refuses the messages: roles must alternate") == outcome


def test_a_stop_string_that_spans_tokens_is_cut(engine: Engine) -> None:
    """However its characters are divided among tokens, the completion ends before it, and generation stops early."""
    whole = completion(engine.generate([GenerationRequest(TEXTS[1], max_new_tokens=40)]))
    for start in range(2, len(whole.text) - 8, 5):
        stop = whole.text[start : start + 6]
        if not stop.isprintable() or "\ufffd" in whole.text[: start + 6]:
            continue
        stopped = completion(
            engine.generate([GenerationRequest(TEXTS[1], max_new_tokens=40, stop=("never there", stop))])
        )
        assert (whole.text[: whole.text.index(stop)], "stop") == (stopped.text, stopped.finish_reason)
        assert stopped.output_tokens <= whole.output_tokens


def test_the_first_of_several_stop_strings_counts(engine: Engine) -> None:
    """If one token completes two stop strings, the text is cut at the one that starts first."""
    whole = completion(engine.generate([GenerationRequest(TEXTS[1], max_new_tokens=40)])).text
    early, late = whole[6:9], whole[7:9]
    stopped = completion(engine.generate([GenerationRequest(TEXTS[1], max_new_tokens=40, stop=(late, early))]))
    assert whole[: min(whole.index(early), whole.index(late))] == stopped.text


def test_a_stop_string_that_is_a_special_token_ends_the_completion(engine: Engine) -> None:
    """Special tokens never show in the text, so such a string is looked for among the tokens."""
    stops = engine._codec.stop_conditions(("<|im_start|>", "plain"))
    start = engine._codec._special["<|im_start|>"]
    assert stops.reached([5, start])
    assert ("plain",) == stops.strings
