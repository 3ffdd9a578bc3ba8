"""The programs that a served model needs, where they are found, and how to get one that is missing."""

from __future__ import annotations

import os
import shutil
from importlib.util import find_spec
from pathlib import Path

from llmops_sdk.plugin import SpecError

CONVERT_VARIABLE = "LLMOPS_CONVERT_HF_TO_GGUF"
"""The environment variable with the path of llama.cpp's script `convert_hf_to_gguf.py`."""

SCRIPT_MODULES = ("torch", "transformers", "sentencepiece")
"""What the script imports and does not bring itself."""


QUANTIZER = "llama-quantize"
"""llama.cpp's program that makes a smaller GGUF file from one."""

QUANTIZED = ("q4_0", "q4_k_m", "q5_k_m", "q6_k")
"""The number formats that it makes, and the script does not."""


def find_program(program: str, search_path: str | None, install: str) -> str:
    """Return the path of a command's program.

    Args:
        program: Its name or path.
        search_path: The PATH in which it is looked for; None for that of this process.
        install: How to get it.

    Raises:
        SpecError: It is not there, or cannot be executed.
    """
    path = shutil.which(program, path=search_path)
    if path is None:
        hint = "variables of the environment are written in env" if "=" in program else install
        message = f"there is no program {program!r}; {hint}"
        raise SpecError(message)
    return path


def find_convert_script(named: str) -> Path:
    """Return the path of llama.cpp's script that converts Hugging Face format to GGUF, in this interpreter.

    Args:
        named: Its path; empty for the one in the environment variable.

    Raises:
        SpecError: It is not named, does not exist, or needs packages that are not installed.
    """
    named = named or os.environ.get(CONVERT_VARIABLE, "")
    how = (
        "it is in the root folder of llama.cpp's sources (https://github.com/ggml-org/llama.cpp), and of the sources in"
        " `pip download --no-deps --no-binary :all: llama-cpp-python`; name it with convert_script or the environment"
        f" variable {CONVERT_VARIABLE}; or serve a GGUF file"
    )
    if not named:
        message = f"a model in Hugging Face format is converted for llama.cpp by its convert_hf_to_gguf.py: {how}"
        raise SpecError(message)
    script = Path(named).expanduser().resolve()
    if not script.is_file():
        message = f"there is no script '{script}': {how}"
        raise SpecError(message)
    missing = [name for name in SCRIPT_MODULES if find_spec(name) is None]
    if missing:
        message = f"llama.cpp's {script.name} needs {' and '.join(missing)}: pip install {' '.join(missing)}"
        raise SpecError(message)
    return script


def find_quantizer(named: str, server: str, search_path: str | None) -> str:
    """Return the path of llama.cpp's program that quantizes a GGUF file.

    Args:
        named: Its path; empty for the one beside the server, or on the PATH.
        server: The server's program.
        search_path: The PATH in which it is looked for; None for that of this process.

    Raises:
        SpecError: It is not there, or cannot be executed.
    """
    install = f"it is built with llama.cpp's server; name it with quantize_program: PATH/{QUANTIZER}"
    program = None if named else shutil.which(server, path=search_path)
    beside = shutil.which(str(Path(program).resolve().with_name(QUANTIZER))) if program else None
    return beside or find_program(named or QUANTIZER, search_path, install)
