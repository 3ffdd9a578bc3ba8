"""Makes an environment with other versions of some packages: `other_versions.py FOLDER NAME==VERSION...`.

All other packages are those of the environment that runs this script, which is left as it is: the new one has links to them,
and the packages with other versions of its own. Their requirements are not installed. Links instead of the folder on the path,
because two versions of a package may share a folder, of which Python would merge the contents: SageMaker's SDK does.
"""

from __future__ import annotations

import re
import subprocess
import sys
import sysconfig
import venv
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path


def main() -> int:
    """Make the environment."""
    folder, requirements = Path(sys.argv[1]).absolute(), sys.argv[2:]
    packages = Path(sysconfig.get_path("purelib"))
    names = [re.split(r"[=<>!~\[ ]", requirement)[0] for requirement in requirements]
    hidden = {entry for name in names for entry in _entries(name)} | {"pip", "setuptools", "_distutils_hack"}
    venv.create(folder, with_pip=True, clear=True)
    linked = folder / "linked"
    linked.mkdir()
    for path in packages.iterdir():
        if path.name not in hidden and not path.name.startswith(("pip-", "setuptools-", "distutils")):
            (linked / path.name).symlink_to(path)
    python = str(folder / "bin" / "python")
    command = [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    own = Path(subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip())
    (own / "linked.pth").write_text(f"import site; site.addsitedir({str(linked)!r})\n", encoding="utf-8")
    pip = [python, "-m", "pip", "install", "--disable-pip-version-check", "-q", "--no-deps", *requirements]
    subprocess.run(pip, check=True)
    return 0


def _entries(name: str) -> set[str]:
    """Return what a distribution has in the folder of packages, by name; nothing if it is not installed."""
    try:
        files = distribution(name).files or []
    except PackageNotFoundError:
        return set()
    return {file.parts[0] for file in files if file.parts[0] != ".."}


if __name__ == "__main__":
    sys.exit(main())
