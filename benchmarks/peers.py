"""The tools that benchmarks compare with: `scripts/tools.py` installs each into a folder of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
TOOLS = Path(os.environ.get("LLMOPS_BENCH_TOOLS", ROOT / ".venv-bench"))
LLAMA_CPP = ROOT / ".venv" / "llama-cpp"


def python(name: str) -> Path:
    """Return where a tool's Python is, if the tool is installed."""
    return TOOLS / name / "bin" / "python"


def program(name: str) -> Path:
    """Return where the program of a tool from npm is, if the tool is installed."""
    return TOOLS / name / "node_modules" / ".bin" / name


def install(name: str) -> Path | None:
    """Install a tool, and return its Python; None if it cannot be installed, which is printed."""
    command = [sys.executable, str(ROOT / "scripts" / "tools.py"), str(TOOLS), name]
    if subprocess.run(command, check=False).returncode:
        print(f"{name} could not be installed: left out", file=sys.stderr)
        return None
    return python(name)


def llama_cpp() -> Path | None:
    """Build llama.cpp, and return its server; None if it cannot be built, which is printed."""
    make = ["make", "-s", str(LLAMA_CPP.relative_to(ROOT) / ".ready")]
    if subprocess.run(make, check=False, cwd=ROOT).returncode:
        print("llama.cpp could not be built: left out", file=sys.stderr)
        return None
    return LLAMA_CPP / "build" / "bin" / "llama-server"


def gguf(model: str, kind: str) -> Path:
    """Return a model as a GGUF file, f16 or bf16, written by llama.cpp's converter."""
    file = TOOLS / "gguf" / f"{kind}.gguf"
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        script = LLAMA_CPP / "sources" / "vendor" / "llama.cpp" / "convert_hf_to_gguf.py"
        command = [sys.executable, str(script), model, "--outtype", kind, "--outfile", str(file)]
        subprocess.run(command, check=True, capture_output=True)
    return file
