"""What a release ships: the wheel and the sdist have all files and nothing else, and valid metadata; a second build is equal."""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
import zipfile
from configparser import ConfigParser
from email.parser import BytesParser
from pathlib import Path, PurePosixPath

import attrs
import pytest
from packaging.licenses import canonicalize_license_expression
from packaging.metadata import Metadata
from packaging.requirements import Requirement
from trove_classifiers import classifiers

import llmops_sdk

ROOT = Path(__file__).parents[1]
VERSION = llmops_sdk.__version__
CHANGES = ("Added", "Changed", "Deprecated", "Removed", "Fixed", "Security")
SHIPPED = {
    "src/llmops_sdk": "llmops_sdk",
    "plugins/llmops_plugins": "llmops_plugins",
    "examples": "llmops_sdk/_examples",
}
"""The folders whose files are in the wheel, and where."""
DATA = {
    "llmops_sdk/py.typed",
    "llmops_plugins/py.typed",
    "llmops_sdk/report/templates/report.css",
    "llmops_sdk/_examples/quickstart.yaml",
    "llmops_plugins/datasets/data/sample.jsonl",
    "llmops_plugins/fmeval/lock.txt",
}
"""Some files beside modules, one of each kind."""
HEADING = re.compile(r"(?P<version>\d+\.\d+\.\d+) - \d{4}-\d\d-\d\d")


@attrs.frozen
class Built:
    """The files of a build, and the folder that the sdist was unpacked into."""

    wheel: Path
    sdist: Path
    unpacked: Path

    def names(self) -> set[str]:
        """Return the names of all files in the wheel."""
        with zipfile.ZipFile(self.wheel) as archive:
            return set(archive.namelist())

    def read(self, name: str) -> bytes:
        """Return a file of the wheel's metadata."""
        with zipfile.ZipFile(self.wheel) as archive:
            return archive.read(f"llmops_sdk-{VERSION}.dist-info/{name}")

    def sources(self) -> set[str]:
        """Return the names of all files in the sdist, without its top folder."""
        return {path.relative_to(self.unpacked).as_posix() for path in self.unpacked.rglob("*") if path.is_file()}


def build(source: Path, target: Path, *kinds: str) -> None:
    """Build distributions of these kinds from a folder of sources."""
    chosen = [argument for kind in kinds for argument in ("-t", kind)]
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(target), *chosen]
    subprocess.run(command, cwd=source, check=True, capture_output=True)


@pytest.fixture(name="built", scope="module")
def _built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """A build of this checkout."""
    folder = tmp_path_factory.mktemp("built")
    build(ROOT, folder, "sdist", "wheel")
    (wheel,), (sdist,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder / "unpacked", filter="data")
    return Built(wheel, sdist, folder / "unpacked" / f"llmops_sdk-{VERSION}")


@pytest.mark.slow
def test_the_wheel_has_the_packages_and_the_examples_and_nothing_else(built: Built) -> None:
    """Modules, templates, data, type markers, examples and metadata: no tests, caches or files of an editor."""
    expected = {
        f"{inside}/{path.relative_to(ROOT / folder).as_posix()}"
        for folder, inside in SHIPPED.items()
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and not {"__pycache__", "llmops-runs"} & set(path.parts)
    }
    metadata = {
        f"llmops_sdk-{VERSION}.dist-info/{name}" for name in ("METADATA", "RECORD", "WHEEL", "entry_points.txt")
    }

    assert expected | metadata | {f"llmops_sdk-{VERSION}.dist-info/licenses/LICENSE"} == built.names()
    assert built.names() > DATA


@pytest.mark.slow
def test_the_sdist_has_what_building_and_testing_take(built: Built) -> None:
    """It has no hidden files but git's list of ignored ones, which the build reads, and no caches."""
    sources = built.sources()

    assert {"pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "tests/test_distribution.py"} <= sources
    assert {".gitignore"} == {name for name in sources if PurePosixPath(name).parts[0].startswith(".")}
    assert [] == [name for name in sources if "cache" in name.lower() and not (ROOT / name).is_file()]
    assert {"src", "plugins", "examples", "tests", "docs", "scripts"} <= {PurePosixPath(n).parts[0] for n in sources}


@pytest.mark.slow
def test_a_wheel_from_the_sdist_is_the_same_wheel(built: Built, tmp_path: Path) -> None:
    """Byte for byte, built from other files at another time: a build can be repeated."""
    build(built.unpacked, tmp_path, "wheel")

    assert built.wheel.read_bytes() == (tmp_path / built.wheel.name).read_bytes()


@pytest.mark.slow
def test_the_metadata_is_valid(built: Built) -> None:
    """An index would accept it: known classifiers, a licence expression with its file, a description in Markdown."""
    metadata = Metadata.from_email(built.read("METADATA"), validate=True)

    assert ("llmops-sdk", VERSION) == (metadata.name, str(metadata.version))
    assert "Apache-2.0" == canonicalize_license_expression(str(metadata.license_expression))
    assert ["LICENSE"] == metadata.license_files
    assert set() == set(metadata.classifiers or ()) - classifiers
    assert "text/markdown" == metadata.description_content_type
    assert (ROOT / "README.md").read_text(encoding="utf-8") == metadata.description
    assert ">=3.10" == str(metadata.requires_python)


@pytest.mark.slow
def test_a_release_can_be_uploaded(built: Built) -> None:
    """No requirement names an address or a local version, which an index refuses."""
    requirements = [
        Requirement(text) for text in BytesParser().parsebytes(built.read("METADATA")).get_all("Requires-Dist", [])
    ]

    assert len(requirements) > 10
    assert [] == [str(one) for one in requirements if one.url or any("+" in part.version for part in one.specifier)]


@pytest.mark.slow
def test_the_command_has_the_name_of_the_distribution_too(built: Built) -> None:
    """`uvx llmops-sdk` and `pipx run llmops-sdk` start a command of that name."""
    points = ConfigParser()
    points.read_string(built.read("entry_points.txt").decode())

    assert dict.fromkeys(("llmops", "llmops-sdk"), "llmops_sdk.cli.main:main") == dict(points["console_scripts"])


def test_the_changelog_follows_the_custom() -> None:
    """Keep a Changelog: unreleased changes first, then versions with dates, the newest first, each with the known kinds."""
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    first, *released = re.findall(r"^## (.+)$", text, re.MULTILINE)
    headings = [HEADING.fullmatch(heading) for heading in released]
    versions = [tuple(map(int, heading["version"].split("."))) for heading in headings if heading]
    current = tuple(map(int, VERSION.split(".")))

    assert "Unreleased" == first
    assert None not in headings
    assert sorted(set(versions), reverse=True) == versions
    assert all(version <= current for version in versions)
    assert set(re.findall(r"^### (.+)$", text, re.MULTILINE)) <= set(CHANGES)
