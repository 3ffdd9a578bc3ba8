from __future__ import annotations

import random

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from llmops_plugins.local.engine.sampling import Sampler, choose_tokens  # noqa: E402


@pytest.mark.parametrize(("temperature", "top_p"), [(1.0, 1.0), (0.5, 1.0), (1.0, 0.75), (2.0, 0.9)])
def test_tokens_are_drawn_with_their_probabilities(temperature: float, top_p: float) -> None:
    """Frequencies are those of the softmax at that temperature, cut to the smallest nucleus and scaled to 1."""
    logits = torch.tensor([1.0, 3.0, -1.0, 2.0, 0.0, float("-inf")])
    probabilities = torch.softmax(logits / temperature, dim=-1).tolist()
    kept: dict[int, float] = {}
    for token in sorted(range(6), key=lambda token: -probabilities[token]):
        if sum(kept.values()) >= top_p:
            break
        kept[token] = probabilities[token]
    drawn = 4000
    samplers = [Sampler(temperature, top_p, random.Random(seed)) for seed in range(drawn)]
    tokens = choose_tokens(logits.expand(drawn, -1), samplers)
    for token in range(6):
        expected = kept.get(token, 0.0) / sum(kept.values())
        assert expected == pytest.approx(tokens.count(token) / drawn, abs=0.025)
        assert token in kept or token not in tokens


def test_a_nucleus_may_be_larger_than_the_first_top_k(monkeypatch: pytest.MonkeyPatch) -> None:
    """A flat distribution, whose nucleus has more tokens than are sorted at first, is drawn from in full."""
    monkeypatch.setattr("llmops_plugins.local.engine.sampling._TOP", 4)
    samplers = [Sampler(1.0, 0.9, random.Random(seed)) for seed in range(600)]
    assert 18 == len(set(choose_tokens(torch.zeros(600, 20), samplers)))


def test_rows_that_are_not_finite_have_no_token() -> None:
    """NaN affects its own row only, greedy or sampled."""
    logits = torch.tensor([[0.0, 1.0], [float("nan"), 1.0], [float("nan"), 0.0]])
    samplers = [Sampler(temperature, 0.5, random.Random(0)) for temperature in (0.0, 0.0, 1.0)]
    assert [1, None, None] == choose_tokens(logits, samplers)
