"""Other tools, each in an environment of its own: what importers read and what benchmarks compare with.

Usage: python scripts/tools.py FOLDER NAME ...

Installs the named tools below FOLDER. What is there stays as it is.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
CONSTRAINTS = ("--constraint", str(ROOT / "constraints.txt"))
PACKAGES = {
    "lm-eval": ("lm_eval[api]",),
    "inspect": (f"{ROOT}[inspect]", "openai"),
    "mlflow": ("mlflow", "pyarrow"),
    # The same versions on both sides; pip, since it finds wheels of torch that uv does not.
    "trl": (*CONSTRAINTS, "trl", "peft", "transformers", "accelerate", "datasets", "torch"),
    "openvino-genai": (*CONSTRAINTS, "openvino-genai", "openvino", "transformers", "jinja2", "httpx"),
}
NODE_PACKAGES = {"promptfoo": ("promptfoo",)}
_WITH_PIP = ("trl",)
TOOLS = (*PACKAGES, *NODE_PACKAGES)


def install(folder: Path, name: str, *, upgrade: bool = False) -> None:
    """Install a tool; what is installed stays as it is, or is upgraded.

    Raises:
        subprocess.CalledProcessError: An installer failed; it has printed why.
        OSError: There is no such installer.
    """
    ready = folder / name / ".ready"
    if ready.exists() and not upgrade:
        return
    (folder / name).mkdir(parents=True, exist_ok=True)
    if name in NODE_PACKAGES:
        _install_node(folder / name, NODE_PACKAGES[name])
    else:
        _install_python(folder, name, upgrade=upgrade)
    ready.touch()


def _install_python(folder: Path, name: str, *, upgrade: bool) -> None:
    uv = [sys.executable, "-m", "uv"]
    own = str(folder / name / "bin" / "python")
    if not Path(own).exists():
        seed = ["--seed"] if name in _WITH_PIP else []
        subprocess.run(
            [*uv, "venv", "-q", *seed, "--allow-existing", "--python", sys.executable, str(folder / name)], check=True
        )
    installer = [own, "-m", "pip", "install"] if name in _WITH_PIP else [*uv, "pip", "install", "--python", own]
    packages = [
        part
        for package in PACKAGES[name]
        for part in (["-e", package] if package.startswith(f"{ROOT}[") else [package])
    ]
    subprocess.run([*installer, "-q", *(["--upgrade"] if upgrade else []), *packages], check=True)


def _install_node(folder: Path, packages: tuple[str, ...]) -> None:
    (folder / "package.json").write_text('{"private": true}\n', encoding="utf-8")
    npm = shutil.which("npm") or "npm"
    quiet = ["--no-audit", "--no-fund", "--loglevel=error"]
    subprocess.run([npm, "install", *quiet, *packages], check=True, cwd=folder, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    unknown = sorted(set(sys.argv[2:]) - set(TOOLS))
    if len(sys.argv) < 3 or unknown:  # noqa: PLR2004 - folder and a name
        print(
            f"there is no tool {unknown[0]!r}" if unknown else __doc__.strip(), f"known: {', '.join(TOOLS)}", sep="; "
        )
        sys.exit(2)
    for tool in sys.argv[2:]:
        install(Path(sys.argv[1]), tool)
