"""Converting to GGUF, with a script in place of llama.cpp's own; `make llama-cpp` runs that one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import attrs
import pytest

from llmops_plugins.served.conversion import convert_to_gguf
from llmops_plugins.served.options import ServedOptions
from llmops_sdk import EndpointError, SpecError
from llmops_sdk.plugin import BaseModel, Context

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
        "exited with code 1 while it was converting the weights to GGUF; .*last log lines: Model TinyForCausalLM is not"
    )
    with pytest.raises(EndpointError, match=expected):
        convert_to_gguf(tiny_model, options, context)
    assert [] == list((context.home / "gguf").iterdir())


QUANTIZER = """#!/bin/sh
echo "quantizing to $3"
case "$(cat "$1")" in *corrupt*) echo "failed to quantize" >&2; exit 1;; esac
(cat "$1"; printf " as %s" "$3") > "$2"
printf x >> "$(dirname "$0")/quantized"
"""


@pytest.fixture(name="quantizer")
def _quantizer(tmp_path: Path) -> Path:
    """A program in place of llama.cpp's own, beside its server."""
    program = tmp_path / "bin" / "llama-quantize"
    program.parent.mkdir()
    for path, text in ((program, QUANTIZER), (program.with_name("llama-server"), "#!/bin/sh\n")):
        path.write_text(text)
        path.chmod(0o700)
    return program


def test_a_smaller_format_is_quantized_from_16_bits_once(
    tiny_model: Path, options: ServedOptions, quantizer: Path, make_context: MakeContext
) -> None:
    """Several formats share the conversion; what is there needs no program but to name it."""
    context, server = make_context(), str(quantizer.with_name("llama-server"))
    options = attrs.evolve(options, program=server, gguf_type="q4_k_m")
    converted = b"GGUF" + (tiny_model / "config.json").read_bytes()

    file = convert_to_gguf(tiny_model, options, context)

    assert converted + b" as Q4_K_M" == file.read_bytes()
    assert file == convert_to_gguf(tiny_model, options, context)
    named = attrs.evolve(options, program="", quantize_program=str(quantizer), gguf_type="q4_0")
    assert converted + b" as Q4_0" == convert_to_gguf(tiny_model, named, context).read_bytes()
    assert ("x", "xx") == (
        Path(options.convert_script).with_name("calls").read_text(), quantizer.with_name("quantized").read_text()
    )  # fmt: skip
    assert 3 == len(list((context.home / "gguf").iterdir()))
    (checked,) = (
        check for check in options.local_checks(BaseModel("huggingface", "m"), {}) if "quantization" in check.name
    )
    assert f"by '{quantizer}'" == checked.run().text


def test_a_quantization_that_fails_is_an_error(
    tiny_model: Path, options: ServedOptions, quantizer: Path, make_context: MakeContext
) -> None:
    """In one line; the converted file stays."""
    script = Path(options.convert_script)
    script.write_text(SCRIPT.replace('b"GGUF"', 'b"GGUF corrupt"'))
    context, options = make_context(), attrs.evolve(options, quantize_program=str(quantizer), gguf_type="q4_0")
    with pytest.raises(
        EndpointError, match=r"exited with code 1 while it was quantizing the weights to q4_0; .*failed to quantize"
    ):
        convert_to_gguf(tiny_model, options, context)
    assert 1 == len(list((context.home / "gguf").iterdir()))


def test_a_program_that_is_missing_is_named(
    options: ServedOptions, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """With how to get it, before anything runs."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(
        SpecError, match=r"there is no program 'llama-quantize'; it is built with llama.cpp's server; name it"
    ):
        attrs.evolve(options, gguf_type="q4_k_m").find_quantizer()
