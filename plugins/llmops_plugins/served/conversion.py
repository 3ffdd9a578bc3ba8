"""Converting a model in Hugging Face format to GGUF, by llama.cpp's own script and its program that quantizes."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from llmops_plugins._weights.folder import folder_version
from llmops_plugins.served.options import ServedOptions
from llmops_plugins.served.process import Process
from llmops_plugins.served.programs import find_convert_script
from llmops_sdk.plugin import Context, digest, file_sha256

_CHECK_SECONDS = 0.2
_CONVERTING = "converting the weights to GGUF"


def convert_to_gguf(folder: Path, options: ServedOptions, context: Context) -> Path:
    """Return the GGUF file of a model; it stays in the cache, by the hashes of the weights and of llama.cpp's tools.

    Raises:
        SpecError: A tool is not there.
        EndpointError: It failed; the message has the last lines of its log.
    """
    script = find_convert_script(options.convert_script)
    outtype = "auto" if options.is_quantized else options.gguf_type
    key = digest(folder_version(context.home, folder), file_sha256(script), outtype)
    convert = [sys.executable, str(script), str(folder), "--outtype", outtype, "--outfile"]
    if not options.is_quantized:
        return _made(key, lambda part: [*convert, part], context, _CONVERTING)
    quantizer = options.find_quantizer()
    quantized = digest(key, file_sha256(Path(quantizer)), options.gguf_type)
    if not _file(context, quantized).is_file():  # the file with 16 bits is needed for this alone
        source = _made(key, lambda part: [*convert, part], context, _CONVERTING)
        _made(
            quantized,
            lambda part: [quantizer, str(source), part, options.gguf_type.upper()],
            context,
            f"quantizing the weights to {options.gguf_type}",
        )
    return _file(context, quantized)


def _file(context: Context, key: str) -> Path:
    return context.home / "gguf" / f"{key}.gguf"


def _made(key: str, command: Callable[[str], list[str]], context: Context, doing: str) -> Path:
    """Return a file of the cache; where it is not there, run a command that writes it.

    Args:
        key: Of the file.
        command: Returns the command from the path that it is to write.
        context: The step's.
        doing: What messages call it.
    """
    file = _file(context, key)
    if file.is_file():
        return file
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f"{key}.{os.getpid()}.part.gguf")
    process = Process.start(command(str(part)), context.folder / "convert.log")
    try:
        started = time.monotonic()
        with context.progress.task(f"{context.step}: {doing}", unit="s") as task:
            while process.is_running:
                task.update(time.monotonic() - started)
                time.sleep(_CHECK_SECONDS)
        if process.wait() != 0 or not part.is_file():
            process.raise_ended(f"while it was {doing}")
        part.replace(file)
    finally:
        process.stop()
        part.unlink(missing_ok=True)
    return file
