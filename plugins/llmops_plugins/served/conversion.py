"""Converting a model in Hugging Face format to GGUF, by llama.cpp's own script."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from llmops_plugins._weights.folder import folder_version
from llmops_plugins.served.options import ServedOptions
from llmops_plugins.served.process import Process
from llmops_plugins.served.programs import find_convert_script
from llmops_sdk.plugin import Context, digest, file_sha256

_CHECK_SECONDS = 0.2


def convert_to_gguf(folder: Path, options: ServedOptions, context: Context) -> Path:
    """Return the GGUF file of a model; it stays in the cache, by the hashes of the weights and of the script.

    Raises:
        SpecError: The script is not there.
        EndpointError: It failed; the message has the last lines of its log.
    """
    script = find_convert_script(options.convert_script)
    key = digest(folder_version(context.home, folder), file_sha256(script), options.gguf_type)
    file = context.home / "gguf" / f"{key}.gguf"
    if file.is_file():
        return file
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f"{key}.{os.getpid()}.part.gguf")
    command = [sys.executable, str(script), str(folder), "--outfile", str(part), "--outtype", options.gguf_type]
    process = Process.start(command, context.folder / "convert.log")
    try:
        started = time.monotonic()
        with context.progress.task(f"{context.step}: converting the weights to GGUF", unit="s") as task:
            while process.is_running:
                task.update(time.monotonic() - started)
                time.sleep(_CHECK_SECONDS)
        if process.wait() != 0 or not part.is_file():
            process.raise_ended("while it converted the weights to GGUF")
        part.replace(file)
    finally:
        process.stop()
        part.unlink(missing_ok=True)
    return file
