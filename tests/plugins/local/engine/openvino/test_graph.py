from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("transformers")
if find_spec("openvino") is None:
    pytest.skip("OpenVINO is not installed", allow_module_level=True)

import torch

from llmops_plugins.local.device import Device
from llmops_plugins.local.engine.attention import UnsupportedModelError
from llmops_plugins.local.engine.model import make_openvino_model
from llmops_plugins.local.engine.openvino.graph import compile_model
from llmops_plugins.local.weights.loading import load_model

from ...architectures import save_model

CPU = Device.named("cpu", "float32", "openvino")


def test_a_graph_has_one_paged_attention_for_each_layer(tiny_model: Path) -> None:
    """Their key and value caches are inputs, in blocks of 32 positions and in the format of the device."""
    compiled, windows = compile_model(load_model(tiny_model))
    caches = {port.any_name: port for port in compiled.inputs if "_cache." in port.any_name}
    layers = sorted(windows)
    assert {f"{kind}_cache.{layer}" for layer in layers for kind in ("key", "value")} == set(caches)
    assert {None} == set(windows.values())
    shapes = {tuple(size.to_string() for size in port.partial_shape)[2] for port in caches.values()}
    assert ({"32"}, {"f32"}) == (shapes, {port.element_type.to_string() for port in caches.values()})


def test_the_windows_of_layers_are_those_of_the_model(tiny_model: Path, tmp_path: Path) -> None:
    """A layer whose attention looks back a limited number of positions says how many."""
    _, windows = compile_model(load_model(save_model("mistral", tmp_path, tiny_model)))
    assert {0: 12, 1: 12} == windows


def test_tracing_leaves_the_model_as_it_was(tiny_model: Path, tmp_path: Path) -> None:
    """A model that is refused is computed by torch afterwards; the reason is one line with the model's class."""
    model: Any = load_model(save_model("gemma2", tmp_path, tiny_model))
    ids = torch.tensor([[5, 3, 2]])
    with torch.inference_mode():
        before = model(input_ids=ids).logits
    with pytest.raises(UnsupportedModelError, match=r"^Gemma2ForCausalLM has attention with softcap$"):
        make_openvino_model(model, CPU)
    with torch.inference_mode():
        assert torch.equal(before, model(input_ids=ids).logits)


def test_a_graph_that_computes_something_else_is_refused(tiny_model: Path) -> None:
    """Whatever a trace has missed shows in the logits, which are compared with the plain model's."""
    model: Any = load_model(tiny_model)
    traced: Any = torch.jit
    model.lm_head.register_forward_hook(lambda _module, _inputs, out: out * 1.5 if traced.is_tracing() else out)
    with pytest.raises(UnsupportedModelError, match=r"^LlamaForCausalLM has logits that differ by 0\.\d$"):
        make_openvino_model(model, CPU)
