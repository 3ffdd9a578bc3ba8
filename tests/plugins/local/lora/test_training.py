from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("peft")

import torch

from llmops_sdk import SpecError

from .example import (
    Interrupting,
    MakeContext,
    counting_rows,
    make_splits,
    train,
    weights_of,
)


@pytest.mark.parametrize("dropout", [0.0, 0.1])
def test_an_interrupted_training_continues_to_the_same_weights(
    make_context: MakeContext, tiny_model: Path, tmp_path: Path, dropout: float
) -> None:
    """A training that was stopped and resumed ends with the weights of one that was not, and reports where it resumed."""
    splits = make_splits(tmp_path / "data", counting_rows())
    complete, complete_folder = train(
        make_context, tiny_model, splits, context={"folder": tmp_path / "w"}, dropout=dropout
    )
    stopped = {"folder": tmp_path / "s", "progress": Interrupting(5)}
    with pytest.raises(KeyboardInterrupt):
        train(make_context, tiny_model, splits, context=stopped, dropout=dropout)
    assert (tmp_path / "s" / "checkpoint" / "state.pt").exists()

    progress = Interrupting(-1)
    resumed, folder = train(
        make_context, tiny_model, splits, context={"folder": tmp_path / "s", "progress": progress}, dropout=dropout
    )

    assert "resuming the training from its checkpoint at step 5" in progress.lines
    assert [(p.step, p.loss, p.held_out_loss) for p in complete.curve] == [
        (p.step, p.loss, p.held_out_loss) for p in resumed.curve
    ]
    expected, resumed_weights = weights_of(complete_folder / "model"), weights_of(folder / "model")
    assert all(torch.equal(expected[name], resumed_weights[name]) for name in expected)
    assert not (folder / "checkpoint").exists()


def test_a_killed_training_continues_from_its_last_checkpoint(
    make_context: MakeContext, tiny_model: Path, tmp_path: Path
) -> None:
    """A training that is killed without a chance to save resumes from the last regular checkpoint."""
    splits = make_splits(tmp_path / "data", counting_rows())
    folder = tmp_path / "s"

    class Dying(Interrupting):
        def on_update(self, label: str, done: float, metadata: Any) -> None:
            if label == "fine-tuning" and done == self.steps:
                raise SystemExit

    with pytest.raises(SystemExit):
        train(make_context, tiny_model, splits, context={"folder": folder, "progress": Dying(5)}, checkpoint_steps=3)
    progress = Interrupting(-1)
    train(make_context, tiny_model, splits, context={"folder": folder, "progress": progress}, checkpoint_steps=3)

    assert ["resuming the training from its checkpoint at step 3", "fine-tuning takes 8 steps"] == progress.lines


@pytest.mark.parametrize(
    ("options", "ends"),
    [({"max_steps": 1}, "fine-tuning takes 1 steps"), ({"max_steps": 999}, ": epochs=1 ends before max_steps=999")],
)
def test_the_number_of_steps_is_logged(
    make_context: MakeContext, tiny_model: Path, tmp_path: Path, options: dict[str, Any], ends: str
) -> None:
    """A plan has its limits; which one ends the training first is known once the records are tokens."""
    progress = Interrupting(-1)
    splits = make_splits(tmp_path / "data", counting_rows())
    train(make_context, tiny_model, splits, context={"folder": tmp_path / "s", "progress": progress}, **options)

    (line,) = [line for line in progress.lines if line.startswith("fine-tuning takes ")]
    assert line.endswith(ends)


def test_the_time_limit_truncates_a_training(make_context: MakeContext, tiny_model: Path, tmp_path: Path) -> None:
    """A training that runs out of time ends with a model that is marked as truncated."""
    splits = make_splits(tmp_path / "data", counting_rows())

    trained, folder = train(make_context, tiny_model, splits, max_minutes=1e-9)

    assert trained.truncated
    assert trained.metrics["steps"] == 0
    assert (folder / "model" / "model.safetensors").exists()


def test_a_diverged_training_names_the_step_and_the_option(
    make_context: MakeContext, tiny_model: Path, tmp_path: Path
) -> None:
    """An infinite or NaN loss ends the training with the step and what to change."""
    splits = make_splits(tmp_path / "data", counting_rows())

    with pytest.raises(SpecError, match=r"at step \d+ the loss is .*lower 'learning_rate' \(now 1e\+30\)"):
        train(make_context, tiny_model, splits, learning_rate=1e30)
