"""What must hold before a server is started: its program is there, and so are the weights and what converts them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from llmops_plugins._weights.folder import check_model_folder, is_folder
from llmops_plugins.served.names import GGUF, HUGGINGFACE
from llmops_plugins.served.options import ServedOptions
from llmops_plugins.served.weights import check_gguf
from llmops_sdk.plugin import BaseModel, Check, Finding, SpecError

CONVERT_VARIABLE = "LLMOPS_CONVERT_HF_TO_GGUF"
"""The environment variable with the path of llama.cpp's script `convert_hf_to_gguf.py`."""


def find_program(options: ServedOptions) -> str:
    """Return the path of the command's program.

    Raises:
        SpecError: It is not installed, or no program.
    """
    program = options.words[0]
    if options.program_path is not None:
        return options.program_path
    hint = options.server.install if options.server else "install it, or write its path"
    if "=" in program:
        hint = "variables of the environment are written in env"
    message = f"there is no program {program!r}; {hint}"
    raise SpecError(message)


def find_convert_script(options: ServedOptions) -> Path:
    """Return the path of llama.cpp's script that converts Hugging Face format to GGUF.

    Raises:
        SpecError: It is not named, or does not exist.
    """
    named = options.convert_script or os.environ.get(CONVERT_VARIABLE, "")
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
    return script


def program_check(options: ServedOptions) -> Check:
    """Return the check of the command's program."""
    return Check(f"program {options.words[0]}", lambda: Finding("ok", f"is '{find_program(options)}'"))


def convert_check(options: ServedOptions) -> Check:
    """Return the check of the script that converts to GGUF."""
    return Check("conversion to GGUF", lambda: Finding("ok", f"by '{find_convert_script(options)}'"))


def weights_checks(base: BaseModel) -> Iterator[Check]:
    """Yield the check of a folder or file with weights; what is on the hub, or an asset, is checked when it is fetched."""
    if base.format == GGUF:
        yield Check(f"weights {base.source}", lambda: Finding("ok", f"a GGUF file: '{check_gguf(base.source)}'"))
    elif base.format == HUGGINGFACE and is_folder(base.source):
        yield Check(f"weights {base.source}", lambda: Finding("ok", f"a model in '{check_model_folder(base.source)}'"))
