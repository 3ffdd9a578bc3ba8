from __future__ import annotations

import logging
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("peft")

import torch

from llmops_plugins.local.lora.checkpoint import Position, load_checkpoint, save_checkpoint
from llmops_sdk.plugin import TrainingPoint

from .example import Interrupting, MakeContext, counting_rows, make_splits, train

LOG = logging.getLogger("llmops.test")


def stepped_optimizer() -> tuple[torch.nn.Parameter, torch.optim.Optimizer]:
    """An optimizer that has done one step, so that it has a state."""
    parameter = torch.nn.Parameter(torch.ones(3))
    optimizer = torch.optim.AdamW([parameter], lr=0.1)
    parameter.grad = torch.tensor([1.0, 2.0, 3.0])
    optimizer.step()
    return parameter, optimizer


def test_a_checkpoint_restores_everything_a_training_depends_on(tmp_path: Path) -> None:
    """Position, adapters, optimizer and random state are those that were saved."""
    parameter, optimizer = stepped_optimizer()
    position = Position(4, 900, 2.5, 1.5, [TrainingPoint(4, 900, 2.5, 0.7, 0.9), TrainingPoint(5, 990, 2.6, 0.6)])
    save_checkpoint(tmp_path, "key", position, {"a": torch.arange(3.0)}, optimizer)
    expected = torch.rand(2)

    fresh = torch.optim.AdamW([parameter], lr=0.5)
    loaded = load_checkpoint(tmp_path, "key", fresh, LOG)

    assert loaded is not None
    assert position == loaded[0]
    assert [0.0, 1.0, 2.0] == loaded[1]["a"].tolist()
    assert 0.1 == fresh.param_groups[0]["lr"]
    assert torch.equal(optimizer.state[parameter]["exp_avg"], fresh.state[parameter]["exp_avg"])
    assert torch.equal(expected, torch.rand(2))


def test_a_checkpoint_that_cannot_be_used_is_logged_and_ignored(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It belongs to another training or cannot be read; without any file there is nothing to log."""
    _, optimizer = stepped_optimizer()
    with caplog.at_level(logging.WARNING):
        assert load_checkpoint(tmp_path, "key", optimizer, LOG) is None
        assert [] == caplog.messages
        save_checkpoint(tmp_path, "key", Position(), {}, optimizer)
        assert load_checkpoint(tmp_path, "other", optimizer, LOG) is None
        (tmp_path / "state.pt").write_bytes(b"truncated")
        assert load_checkpoint(tmp_path, "key", optimizer, LOG) is None
    assert [True, False] == ["belongs to another training" in message for message in caplog.messages]
    assert "cannot be read" in caplog.messages[1]


@pytest.mark.parametrize("content", [b"truncated", None])
def test_a_training_with_other_options_starts_again(
    make_context: MakeContext, tiny_model: Path, tmp_path: Path, content: bytes | None
) -> None:
    """It ignores the checkpoint, and also one that is truncated."""
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
