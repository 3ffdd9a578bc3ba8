"""Training for real: a tiny Llama of random weights, on one thread."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from llmops_plugins.local.options import LoraOptions
from llmops_sdk import DataError, Progress, SpecError
from llmops_sdk.plugin import (
    BaseModel,
    ChatTemplate,
    Context,
    DatasetSplits,
    Split,
    TextTemplate,
    TrainedModel,
    file_sha256,
)

pytest.importorskip("torch")
pytest.importorskip("peft")

import torch

from llmops_plugins.local.device import Device
from llmops_plugins.local.lora import model as lora_model
from llmops_plugins.local.lora import rows as lora_rows
from llmops_plugins.local.lora import trainer as lora
from llmops_plugins.local.lora.llama import PackedLlama
from llmops_plugins.local.weights import locate as weights

PROMPT = TextTemplate(prompt="Say what comes after {context}.", response_key=" Answer:", completion=" {response}")
CPU = Device("cpu", "", "float32")
MakeContext = Callable[..., Context]


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """One thread adds in one order, so that equal means equal."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def make_splits(folder: Path, rows: list[dict[str, str]]) -> DatasetSplits:
    folder.mkdir(parents=True, exist_ok=True)
    train, test = folder / "train.jsonl", folder / "test.jsonl"
    train.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    test.write_text("", encoding="utf-8")
    return DatasetSplits(Split(train, len(rows), file_sha256(train)), Split(test, 0, file_sha256(test)))


def counting_rows(count: int = 40) -> list[dict[str, str]]:
    """Rows with something to learn: the answer is always the same few words."""
    return [{"context": f"number {place} " * (1 + place % 5), "response": "a water wheel"} for place in range(count)]


def options(**chosen: Any) -> LoraOptions:
    return LoraOptions(
        **{"device": "cpu", "dtype": "float32", "max_steps": 8, "batch_tokens": 160, "held_out": 4, **chosen}
    )


def train(
    make_context: MakeContext,
    base: Path,
    splits: DatasetSplits,
    prompt: TextTemplate | ChatTemplate = PROMPT,
    *,
    context: dict[str, Any] | None = None,
    **chosen: Any,
) -> tuple[TrainedModel, Path]:
    made = make_context(**(context or {}))
    trainer = lora.LoraTrainer(options(**chosen))
    return trainer.train(made, BaseModel("huggingface", str(base)), splits, prompt), made.folder


def weights_of(folder: Path) -> dict[str, torch.Tensor]:
    from safetensors.torch import load_file

    return load_file(folder / "model.safetensors")


class Interrupting(Progress):
    """Presses Ctrl-C after some steps."""

    def __init__(self, steps: int) -> None:
        self.steps = steps
        self.said: list[str] = []

    def on_update(self, label: str, done: float, metadata: Any) -> None:
        if label == "fine-tuning" and done == self.steps:
            raise KeyboardInterrupt

    def log(self, text: str) -> None:
        self.said.append(text)


# -- training -----------------------------------------------------------------------------------


def test_it_learns(make_context: MakeContext, tiny_model: Path, tmp_path: Path) -> None:
    """The loss on rows never trained on falls, and the saved model has it."""
    splits = make_splits(tmp_path / "data", counting_rows())

    trained, folder = train(make_context, tiny_model, splits, max_steps=30, epochs=50, learning_rate=5e-3)

    before, after = trained.metrics["held_out_loss_before"], trained.metrics["held_out_loss_after"]
    assert before > 6  # random weights know as much as a uniform guess over 1000 tokens
    assert after < before - 3
    assert trained.curve[-1].loss == pytest.approx(after, abs=0.5)
    tokenizer = weights.load_tokenizer(folder / trained.uri)
    asked = tokenizer("Say what comes after number 99 . Answer:")["input_ids"]
    ids = torch.tensor([[*asked, *tokenizer(" a water wheel")["input_ids"], tokenizer.eos_token_id]])
    labels = ids.clone()
    labels[:, : len(asked)] = -100
    with torch.no_grad():
        assert float(weights.load_model(folder / trained.uri)(ids, labels=labels).loss) == pytest.approx(after, abs=0.5)


def test_result(make_context: MakeContext, tiny_model: Path, tmp_path: Path) -> None:
    """A training tells steps, rows, speed and a curve, and leaves the merged model with the base's tokenizer only."""
    splits = make_splits(tmp_path / "data", counting_rows())

    trained, folder = train(make_context, tiny_model, splits)

    assert trained.format == "huggingface"
    assert trained.uri == "model"
    assert not trained.truncated
    assert trained.base.version == weights.version(make_context(), BaseModel("huggingface", str(tiny_model)))
    metrics = trained.metrics
    assert (metrics["steps"], metrics["rows"], metrics["rows_held_out"], metrics["rows_dropped"]) == (8, 36, 4, 0)
    assert metrics["tokens"] > 8 * 40
    assert metrics["tokens_per_second"] > 0
    assert metrics["trainable_parameters"] == sum(
        16 * (sum(shape)) for shape in 2 * [(64, 64), (64, 32), (64, 32), (64, 64), (64, 128), (64, 128), (128, 64)]
    )
    assert [point.step for point in trained.curve] == list(range(9))
    assert [point.step for point in trained.curve if point.held_out_loss is not None] == [0, 2, 4, 6, 8]
    assert all(point.loss is not None for point in trained.curve[1:])
    assert [path.name for path in folder.iterdir()] == ["model"]
    assert (folder / "model" / "tokenizer.json").read_bytes() == (tiny_model / "tokenizer.json").read_bytes()
    assert weights.load_tokenizer(folder / "model").chat_template
    assert weights_of(folder / "model")["model.embed_tokens.weight"].dtype == torch.float32


def test_same_seed_same_weights(make_context: MakeContext, tiny_model: Path, tmp_path: Path) -> None:
    """The same options give the same weights bit by bit; another seed gives others."""
    splits = make_splits(tmp_path / "data", counting_rows())

    def weights_after(name: str, **chosen: Any) -> dict[str, torch.Tensor]:
        _, folder = train(make_context, tiny_model, splits, context={"folder": tmp_path / name}, **chosen)
        return weights_of(folder / "model")

    first, again, other = weights_after("first"), weights_after("again"), weights_after("other", seed=1)
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert any(not torch.equal(first[name], other[name]) for name in first)


@pytest.mark.parametrize("dropout", [0.0, 0.1])
def test_interrupted_training_goes_on(
    make_context: MakeContext, tiny_model: Path, tmp_path: Path, dropout: float
) -> None:
    """A training that was stopped and taken up again ends with the weights of one that was not, and says so."""
    splits = make_splits(tmp_path / "data", counting_rows())
    whole, whole_folder = train(make_context, tiny_model, splits, context={"folder": tmp_path / "w"}, dropout=dropout)
    stopped = {"folder": tmp_path / "s", "progress": Interrupting(5)}
    with pytest.raises(KeyboardInterrupt):
        train(make_context, tiny_model, splits, context=stopped, dropout=dropout)
    assert (tmp_path / "s" / "checkpoint" / "state.pt").exists()

    told = Interrupting(-1)
    resumed, folder = train(
        make_context, tiny_model, splits, context={"folder": tmp_path / "s", "progress": told}, dropout=dropout
    )

    assert "going on from the checkpoint at step 5" in told.said
    assert [(p.step, p.loss, p.held_out_loss) for p in whole.curve] == [
        (p.step, p.loss, p.held_out_loss) for p in resumed.curve
    ]
    expected, found = weights_of(whole_folder / "model"), weights_of(folder / "model")
    assert all(torch.equal(expected[name], found[name]) for name in expected)
    assert not (folder / "checkpoint").exists()


def test_killed_training_goes_on_from_its_checkpoint(
    make_context: MakeContext, tiny_model: Path, tmp_path: Path
) -> None:
    """What is killed without a chance to save goes on from the last regular checkpoint."""
    splits = make_splits(tmp_path / "data", counting_rows())
    folder = tmp_path / "s"

    class Dying(Interrupting):
        def on_update(self, label: str, done: float, metadata: Any) -> None:
            if label == "fine-tuning" and done == self.steps:
                raise SystemExit

    with pytest.raises(SystemExit):
        train(make_context, tiny_model, splits, context={"folder": folder, "progress": Dying(5)}, checkpoint_steps=3)
    told = Interrupting(-1)
    train(make_context, tiny_model, splits, context={"folder": folder, "progress": told}, checkpoint_steps=3)

    assert told.said == ["going on from the checkpoint at step 3"]


@pytest.mark.parametrize("content", [b"torn", None])
def test_checkpoint_of_no_use(
    make_context: MakeContext, tiny_model: Path, tmp_path: Path, content: bytes | None
) -> None:
    """A checkpoint that is broken, or of a training with other options, is left out."""
    splits = make_splits(tmp_path / "data", counting_rows())
    folder = tmp_path / "s"
    stopped = {"folder": folder, "progress": Interrupting(2)}
    with pytest.raises(KeyboardInterrupt):
        train(make_context, tiny_model, splits, context=stopped, learning_rate=1e-3)
    if content is not None:
        (folder / "checkpoint" / "state.pt").write_bytes(content)

    trained, _ = train(make_context, tiny_model, splits, context={"folder": folder}, learning_rate=2e-3)

    assert trained.metrics["steps"] == 8
    assert [point.step for point in trained.curve] == list(range(9))


def test_time_budget(make_context: MakeContext, tiny_model: Path, tmp_path: Path) -> None:
    """A training whose time is over ends with a model that is marked as truncated."""
    splits = make_splits(tmp_path / "data", counting_rows())

    trained, folder = train(make_context, tiny_model, splits, max_minutes=1e-9)

    assert trained.truncated
    assert trained.metrics["steps"] == 0
    assert (folder / "model" / "model.safetensors").exists()


def test_diverged_training(make_context: MakeContext, tiny_model: Path, tmp_path: Path) -> None:
    """A loss that is no number ends the training with the step and what to change."""
    splits = make_splits(tmp_path / "data", counting_rows())

    with pytest.raises(SpecError, match=r"at step \d+ the loss is .*lower 'learning_rate' \(now 1e\+30\)"):
        train(make_context, tiny_model, splits, learning_rate=1e30)


@pytest.mark.parametrize("dropout", [0.0, 0.1])
def test_bfloat16(make_context: MakeContext, tiny_model: Path, tmp_path: Path, dropout: float) -> None:
    """Training in bfloat16 (packed, and through transformers) learns what float32 learns, but for its rounding."""
    splits = make_splits(tmp_path / "data", counting_rows())
    final = {}
    for dtype in ("float32", "bfloat16"):
        context = {"folder": tmp_path / dtype}
        trained, _ = train(make_context, tiny_model, splits, context=context, dtype=dtype, dropout=dropout)
        final[dtype] = trained.metrics["held_out_loss_after"]

    assert final["bfloat16"] == pytest.approx(final["float32"], abs=0.03)


# -- the merged model ---------------------------------------------------------------------------


def test_merged_model_is_the_adapted_one(tiny_model: Path, tmp_path: Path) -> None:
    """The merged weights give the logits that base and adapters give."""
    chosen = options()
    adapted = lora_model.adapt(tiny_model, chosen, CPU)
    with torch.no_grad():
        for parameter in lora_model.trainable(adapted).values():
            parameter.normal_(std=0.05, generator=torch.Generator().manual_seed(3))
    ids = torch.arange(5, 60)[None]

    lora_model.save_merged(tiny_model, lora_model.adapter_state(adapted), chosen, tmp_path / "model")

    with torch.no_grad():
        expected = adapted.eval()(ids).logits
        base = weights.load_model(tiny_model)(ids).logits
        merged = weights.load_model(tmp_path / "model")(ids).logits
    torch.testing.assert_close(merged, expected, rtol=1e-4, atol=1e-4)
    assert (merged - base).abs().max() > 0.01


# -- the loss -----------------------------------------------------------------------------------


def made_rows() -> list[lora_rows.Row]:
    random = np.random.default_rng(0)
    lengths = [(30, 20), (17, 1), (25, 24), (9, 0)]
    return [lora_rows.Row(random.integers(3, 900, total).astype(np.int32), prompt) for total, prompt in lengths]


def rows_with_common_start() -> list[lora_rows.Row]:
    """Rows as a template gives them: the same first tokens, in one of them up to the middle of the completion."""
    rows = made_rows()
    for row in rows:
        row.ids[:6] = rows[0].ids[:6]
    return [*rows, lora_rows.Row(rows[0].ids[:14].copy(), 4)]


def perturbed(tiny_model: Path, chosen: LoraOptions) -> Any:
    model = lora_model.adapt(tiny_model, chosen, CPU)
    with torch.no_grad():
        for number, parameter in enumerate(lora_model.trainable(model).values()):
            parameter.normal_(std=0.05, generator=torch.Generator().manual_seed(number))
    return model


def loss_and_gradients(
    loss: Callable[[Sequence[lora_rows.Row]], torch.Tensor], model: Any, rows: Sequence[lora_rows.Row]
) -> tuple[float, dict[str, torch.Tensor]]:
    model.zero_grad()
    value: Any = loss(rows)
    value.backward()
    parameters: dict[str, Any] = dict(lora_model.trainable(model))
    return value.item(), {name: parameter.grad.clone() for name, parameter in parameters.items()}


@pytest.mark.parametrize("rows", [made_rows(), rows_with_common_start(), made_rows()[:1]])
def test_losses_agree_with_transformers(tiny_model: Path, rows: list[lora_rows.Row]) -> None:
    """The packed and the padded loss, and all their gradients, are those of transformers for each row by itself."""
    chosen = options()
    model = perturbed(tiny_model, chosen)

    def one_by_one(rows: Sequence[lora_rows.Row]) -> torch.Tensor:
        total = torch.zeros(())
        for row in rows:
            ids = torch.from_numpy(row.ids.astype("int64"))[None]
            labels = ids.clone()
            labels[:, : row.prompt] = -100
            total = total + model(input_ids=ids, labels=labels).loss * len(row.targets)
        return total

    expected, gradients = loss_and_gradients(one_by_one, model, rows)
    for loss in (lora_model.PaddedLoss(model, CPU), lora_model.make_loss(model, chosen, CPU)):
        found, found_gradients = loss_and_gradients(loss, model, rows)
        assert found == pytest.approx(expected, rel=1e-5)
        for name, gradient in gradients.items():
            torch.testing.assert_close(found_gradients[name], gradient, rtol=2e-3, atol=2e-5)
    assert isinstance(loss, PackedLlama)


def test_prompt_tokens_have_no_loss(tiny_model: Path) -> None:
    """Without context to attend to, the loss does not change with what the prompt's own tokens are predicted to be."""
    row = made_rows()[0]
    model = perturbed(tiny_model, options())
    loss = lora_model.make_loss(model, options(), CPU)
    with torch.no_grad():
        all_targets = float(loss([lora_rows.Row(row.ids, 0)]))
        few_targets = float(loss([row]))
        logits = model(torch.from_numpy(row.ids.astype("int64"))[None]).logits[0].log_softmax(-1)
    expected = -sum(float(logits[place - 1, row.ids[place]]) for place in range(20, 30))
    assert few_targets == pytest.approx(expected, rel=1e-5)
    assert all_targets > few_targets


def test_other_architectures(make_context: MakeContext, tiny_model: Path, tmp_path: Path) -> None:
    """A model that is no Llama trains too, with adapters on all its linear layers."""
    from transformers import GPT2Config, GPT2LMHeadModel

    tokenizer = weights.load_tokenizer(tiny_model)
    base = tmp_path / "gpt2"
    config = GPT2Config(vocab_size=len(tokenizer), n_embd=32, n_layer=2, n_head=2, n_positions=256)
    GPT2LMHeadModel(config).save_pretrained(base)
    tokenizer.save_pretrained(base)
    splits = make_splits(tmp_path / "data", counting_rows())

    trained, folder = train(make_context, base, splits, learning_rate=1e-2, max_steps=20, epochs=20)

    assert trained.metrics["held_out_loss_after"] < trained.metrics["held_out_loss_before"] - 0.1
    weights.load_model(folder / "model")


def test_capped_logits_are_trained_on_capped(tmp_path: Path) -> None:
    """A model that caps its logits behind the output layer is not taken for one that does not."""
    from transformers import Gemma2Config, Gemma2ForCausalLM

    torch.manual_seed(0)
    config = Gemma2Config(
        vocab_size=1000, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=1, head_dim=16, final_logit_softcapping=0.5, attn_implementation="eager",
    )  # fmt: skip
    Gemma2ForCausalLM(config).save_pretrained(tmp_path / "gemma")
    model = lora_model.adapt(tmp_path / "gemma", options(), CPU)
    row = made_rows()[0]
    with torch.no_grad():
        found = float(lora_model.make_loss(model, options(), CPU)([row]))
        logits = model(torch.from_numpy(row.ids.astype("int64"))[None]).logits[0].log_softmax(-1)
    expected = -sum(float(logits[place - 1, row.ids[place]]) for place in row.targets)
    assert found == pytest.approx(expected, rel=1e-4)


# -- rows ---------------------------------------------------------------------------------------


def tokenize(tiny_model: Path, tmp_path: Path, rows: list[dict[str, str]], prompt: Any, max_length: int) -> Any:
    splits = make_splits(tmp_path / "data", rows)
    tokenizer = weights.load_tokenizer(tiny_model)
    made = lora_rows.tokenize_rows(splits.train, prompt, tokenizer, max_length=max_length, path=tmp_path / "rows")
    return made, tokenizer


def test_row_is_prompt_completion_and_end(tiny_model: Path, tmp_path: Path) -> None:
    """A row is the ids of the prompt as it is asked, those of the completion, and the end-of-text token."""
    rows, tokenizer = tokenize(tiny_model, tmp_path, counting_rows(3), PROMPT, 200)

    ids = tokenizer("Say what comes after number 1 number 1 . Answer:")["input_ids"]
    assert list(rows[1].ids[: rows[1].prompt]) == ids
    assert tokenizer.decode(rows[1].ids[rows[1].prompt :]) == " a water wheel<|im_end|>"
    assert list(rows[1].targets) == list(range(len(ids), len(rows[1].ids)))


def test_chat_row(tiny_model: Path, tmp_path: Path) -> None:
    """A chat row's prompt is the model's own chat template, up to where the assistant begins."""
    chat = ChatTemplate(messages=({"role": "user", "content": "After {context}?"},), completion="{response}")
    rows, tokenizer = tokenize(tiny_model, tmp_path, counting_rows(1), chat, 200)

    text = tokenizer.decode(rows[0].ids[: rows[0].prompt])
    assert text == "<|im_start|>user\nAfter number 0 ?<|im_end|>\n<|im_start|>assistant\n"
    assert tokenizer.decode(rows[0].ids[rows[0].prompt :]) == "a water wheel<|im_end|>"


def test_chat_without_template(tiny_model: Path) -> None:
    """A model without a chat template is told to use a text prompt."""
    tokenizer = weights.load_tokenizer(tiny_model)
    tokenizer.chat_template = None
    with pytest.raises(DataError, match="no chat template: use a text prompt"):
        weights.prompt_ids(tokenizer, [{"role": "user", "content": "hello"}])


def test_long_rows_are_dropped_and_counted(make_context: MakeContext, tiny_model: Path, tmp_path: Path) -> None:
    """Rows over the length are left out whole, counted, and told."""
    long = {"context": "a very long one " * 60, "response": "x"}
    splits = make_splits(tmp_path / "data", [*counting_rows(20), long, long])
    told = Interrupting(-1)

    trained, _ = train(make_context, tiny_model, splits, max_length=100, context={"progress": told})

    assert trained.metrics["rows_dropped"] == 2
    assert trained.metrics["rows"] + trained.metrics["rows_held_out"] == 20
    assert told.said == ["2 of 22 train rows are longer than 100 tokens and were left out"]


def test_rows_fit_into_the_model(make_context: MakeContext, tiny_model: Path, tmp_path: Path) -> None:
    """Rows that the model cannot see whole are dropped whatever the option says."""
    rows = [*counting_rows(20), {"context": "word " * 1200, "response": "x"}]
    trained, _ = train(make_context, tiny_model, make_splits(tmp_path / "data", rows), max_length=5000, max_steps=1)

    assert trained.metrics["rows_dropped"] == 1


def test_no_row_left(make_context: MakeContext, tiny_model: Path, tmp_path: Path) -> None:
    """A split of which nothing can be trained on is an error that says why."""
    with pytest.raises(DataError, match="all 3 rows are longer than max_length=16 tokens"):
        train(make_context, tiny_model, make_splits(tmp_path / "a", counting_rows(3)), max_length=16)
    with pytest.raises(DataError, match="it has no rows"):
        train(make_context, tiny_model, make_splits(tmp_path / "b", []))


# -- the schedule -------------------------------------------------------------------------------


def test_schedule_keeps_the_budget_and_every_row() -> None:
    """An epoch has every row once, no batch above the padded budget, hardly any padding, and its own order."""
    lengths = np.random.default_rng(0).lognormal(5.7, 0.6, 600).astype(np.int64).clip(20, 1000)
    train = np.arange(100, 600)
    schedule = lora_rows.Schedule(train, lengths, epochs=2, batch_tokens=1024, seed=3)
    batches = list(schedule.batches())

    assert len(batches) == schedule.total
    seen = np.concatenate(batches)
    assert sorted(seen) == sorted([*train, *train])
    padded = [len(batch) * lengths[batch].max() for batch in batches]
    assert max(padded) <= 1024
    assert lengths[seen].sum() / sum(padded) > 0.93
    half = len(batches) // 2
    assert [list(batch) for batch in batches[:half]] != [list(batch) for batch in batches[half:]]


def test_schedule_goes_on_anywhere() -> None:
    """The steps from any place on are those of the whole schedule."""
    lengths = np.arange(10, 200)
    schedule = lora_rows.Schedule(np.arange(190), lengths, epochs=2.5, batch_tokens=400, seed=0)
    whole = [list(batch) for batch in schedule.batches()]

    assert [list(batch) for batch in schedule.batches(len(whole) - 3)] == whole[-3:]


def test_schedule_length() -> None:
    """Epochs may be a fraction, a step limit only shortens, and a row above the budget is a batch of its own."""
    lengths = np.full(10, 100)

    def total(**chosen: Any) -> int:
        return lora_rows.Schedule(
            np.arange(10), lengths, **{"epochs": 1, "batch_tokens": 200, "seed": 0, **chosen}
        ).total

    assert (total(), total(epochs=1.5), total(epochs=0.5)) == (5, 8, 3)
    assert (total(max_steps=2), total(max_steps=50)) == (2, 5)
    assert total(batch_tokens=50) == 10


@pytest.mark.parametrize(("rows", "wanted", "kept"), [(100, 16, 16), (40, 16, 8), (4, 16, 0), (100, 0, 0)])
def test_hold_out(rows: int, wanted: int, kept: int) -> None:
    """Rows kept aside are never trained on, and at most a fifth of them is."""
    train, aside = lora_rows.hold_out(rows, wanted, seed=0)

    assert len(aside) == kept
    assert sorted([*train, *aside]) == list(range(rows))
