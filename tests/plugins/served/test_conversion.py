"""Converting to GGUF, with a script in place of llama.cpp's own; `make llama-cpp` runs that one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import attrs
import pytest

from llmops_plugins.served.conversion import convert_to_gguf
from llmops_plugins.served.options import ServedOptions
from llmops_sdk import EndpointError
from llmops_sdk.plugin import Context

MakeContext = Callable[..., Context]

SCRIPT = """
import sys
from pathlib import Path
import sibling
folder, *options = sys.argv[1:]
options = dict(zip(options[::2], options[1::2]))
print("converting to", options["--outtype"])
Path(options["--outfile"]).write_bytes(b"GGUF" + Path(folder, "config.json").read_bytes())
with open(Path(__file__).with_name("calls"), "a") as calls:
    calls.write("x")
"""


@pytest.fixture(name="options")
def _options(tmp_path: Path) -> ServedOptions:
    """Options with a script that imports a module beside it, as llama.cpp's does."""
    folder = tmp_path / "llama.cpp"
    folder.mkdir()
    (folder / "sibling.py").touch()
    (folder / "convert_hf_to_gguf.py").write_text(SCRIPT)
    return ServedOptions(preset="llama-cpp", convert_script=str(folder / "convert_hf_to_gguf.py"))


def test_a_model_is_converted_once(tiny_model: Path, options: ServedOptions, make_context: MakeContext) -> None:
    """Its file is in the cache; another number format or script converts again."""
    script = Path(options.convert_script)
    context = make_context()
    file = convert_to_gguf(tiny_model, options, context)
    assert b"GGUF" + (tiny_model / "config.json").read_bytes() == file.read_bytes()
    assert [file] == list((context.home / "gguf").iterdir())
    assert file == convert_to_gguf(tiny_model, options, context)
    assert "x" == script.with_name("calls").read_text()
    assert file != convert_to_gguf(tiny_model, attrs.evolve(options, gguf_type="f16"), context)
    script.write_text(f"{SCRIPT}# a newer version")
    assert file != convert_to_gguf(tiny_model, options, context)
    assert "xxx" == script.with_name("calls").read_text()
    assert "converting to auto\nconverting to f16\nconverting to auto\n" == (context.folder / "convert.log").read_text()


def test_a_conversion_that_fails_is_an_error(
    tiny_model: Path, options: ServedOptions, make_context: MakeContext
) -> None:
    """With its last lines; nothing is left in the cache."""
    Path(options.convert_script).write_text("import sys; sys.exit('Model TinyForCausalLM is not supported')")
    context = make_context()
    expected = (
        "exited with code 1 while it converted the weights to GGUF; .*last log lines: Model TinyForCausalLM is not"
    )
    with pytest.raises(EndpointError, match=expected):
        convert_to_gguf(tiny_model, options, context)
    assert [] == list((context.home / "gguf").iterdir())
