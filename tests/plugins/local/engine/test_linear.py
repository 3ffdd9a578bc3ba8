from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from llmops_plugins.local.device import Kernel  # noqa: E402
from llmops_plugins.local.engine.linear import PackedLinear, pack_linears  # noqa: E402


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


def test_a_model_that_does_not_fit_twice_into_memory_is_not_packed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Packed weights are a second copy, which is made only if there is room."""
    monkeypatch.setattr("llmops_plugins.local.engine.linear.total_memory", lambda: 1000.0)
    model = torch.nn.Sequential(torch.nn.Linear(64, 64))
    assert "plain" == pack_linears(model, "mkl")
    assert torch.nn.Linear is type(model[0])


@pytest.mark.parametrize(("dtype", "kernel"), [("float32", "mkl"), ("bfloat16", "onednn")])
def test_the_given_kernel_is_used_or_the_plain_one(dtype: str, kernel: Kernel) -> None:
    """A kernel that this torch lacks, or that is not for the model's format, leaves the model as it is."""
    model = torch.nn.Sequential(torch.nn.Linear(64, 64), torch.nn.ReLU(), torch.nn.Linear(64, 32))
    model = model.to(getattr(torch, dtype))
    used = pack_linears(model, kernel)
    assert used in (kernel, "plain")
    assert (PackedLinear if used == kernel else torch.nn.Linear) is type(model[0])
    assert "plain" == pack_linears(torch.nn.Sequential(torch.nn.Linear(8, 8, dtype=torch.float64)), "mkl")


def test_no_kernel_leaves_the_model_as_it_is() -> None:
    """On a GPU, and on processors without such kernels."""
    model = torch.nn.Sequential(torch.nn.Linear(8, 8))
    assert "plain" == pack_linears(model, "plain")
    assert torch.nn.Linear is type(model[0])
