"""The documentation: generated parts are up to date, links lead somewhere, and every code block runs or gives the reason."""

from __future__ import annotations

import contextlib
import inspect
import json
import os
import re
import runpy
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs
import click
import jsonschema
import pytest
import yaml

import llmops_sdk.testing
from llmops_sdk import errors
from llmops_sdk.cli import exits
from llmops_sdk.cli.help import CONTEXT_SETTINGS
from llmops_sdk.cli.main import cli, main
from llmops_sdk.cli.options import read_pipeline
from llmops_sdk.planning.specification.schema import specification_schema
from llmops_sdk.plugin import hookspecs
from llmops_sdk.plugin.registry import Registry

from .plugins.openai.openai_server import openai_server

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [*ROOT.glob("*.md"), ROOT / "llms.txt", *sorted(DOCS.rglob("*.md")), *sorted((ROOT / "skills").rglob("*.md"))]
HOOKS = [name for name in dir(hookspecs) if name.startswith("llmops_")]
GENERATED = re.compile(r"<!-- from [^\n]+ -->\n.*?<!-- end -->", re.DOTALL)
MARKS = ("not run", "file", "run with")
BLOCK = re.compile(
    rf"(?P<marks>(?:^<!-- (?:{'|'.join(MARKS)}): [^\n]+ -->\n)*)^```(?P<language>\w+)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
FILE = """name: quick
datasets: [{use: lines, records: 24}]
prompts: [plain]
models: [{use: echo, fine_tune: false}]
evaluators: [factual-knowledge]
"""


@attrs.frozen
class Block:
    """A code block that stands in a page and is not generated.

    A comment before it marks it, and is not shown: `<!-- not run: REASON -->`; `<!-- file: NAME -->` for a file that the
    commands of the page find; `<!-- run with: ARGUMENTS -->`, which are added to `llmops run` and `llmops plan`, to ask a
    quick model in place of the page's: SERVER is a server with OpenAI's API.
    """

    page: str
    language: str
    text: str
    marks: Mapping[str, str]
    number: int

    def __str__(self) -> str:
        return f"{self.page}: {self.text.strip().splitlines()[0][:50]}"

    @property
    def reason(self) -> str:
        """Why it is not run; empty if it is."""
        return self.marks.get("not run", "")

    @property
    def commands(self) -> list[str]:
        """The lines after a prompt, each with the lines that continue it."""
        text = self.text.replace("\\\n", " ")
        return [line.removeprefix("$ ") for line in text.splitlines() if line.startswith("$ ")]


def _blocks_of(page: Path, text: str) -> list[Block]:
    name = page.relative_to(ROOT).as_posix()
    found = []
    for number, block in enumerate(BLOCK.finditer(text)):
        marks = dict(re.findall(rf"^<!-- ({'|'.join(MARKS)}): ([^\n]+) -->$", block["marks"], re.MULTILINE))
        found.append(Block(name, block["language"], block["text"], marks, number))
    return found


def _blocks() -> Iterator[Block]:
    for page in PAGES:
        yield from _blocks_of(page, GENERATED.sub("", page.read_text(encoding="utf-8")))


BLOCKS = list(_blocks())


def _run_blocks(language: str) -> list[Block]:
    return [block for block in BLOCKS if block.language == language and not block.reason]


# -- generated parts ------------------------------------------------------------------------------


@pytest.mark.parametrize("script", ["docs.py", "cli_reference.py"])
def test_generated_parts_are_up_to_date(script: str) -> None:
    """Reference pages, tables and included files are what their sources hold now; `make docs-write` writes them."""
    subprocess.run([sys.executable, str(ROOT / "scripts" / script), "--check"], check=True)


@pytest.mark.parametrize("face", [llmops_sdk, llmops_sdk.plugin, llmops_sdk.testing], ids=lambda face: face.__name__)
def test_every_public_name_has_a_reference(face: object) -> None:
    """Each name of the public modules is a heading of a reference page."""
    headings = {
        heading
        for page in (DOCS / "reference").glob("*.md")
        for heading in re.findall(r"^## (\w+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    }

    assert set() == {name for name in face.__all__ if not name.startswith("__")} - headings  # type: ignore[attr-defined]


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_is_documented_and_used(hook: str) -> None:
    """A hook has a heading in the docs, a docstring, and a shipped plugin that implements it."""
    page = (DOCS / "reference" / "hooks.md").read_text(encoding="utf-8")
    plugins = [path.read_text(encoding="utf-8") for path in (ROOT / "plugins").rglob("hooks.py")]

    assert f"## {hook}\n" in page
    assert inspect.getdoc(getattr(hookspecs, hook))
    assert any(f"def {hook}(" in text for text in plugins)


def test_the_tree_of_errors_has_every_class() -> None:
    """Every error class stands in the drawing at the top of its module."""
    classes = [name for name, value in vars(errors).items() if inspect.isclass(value) and issubclass(value, Exception)]

    assert len(classes) > 8
    for name in classes:
        assert name in (errors.__doc__ or "")


def test_every_exit_code_is_documented() -> None:
    """The table of exit codes has a row for each code of the command line."""
    page = (DOCS / "reference" / "errors.md").read_text(encoding="utf-8")
    codes = {value for name, value in vars(exits).items() if name.isupper() and type(value) is int}
    codes |= {128 + number for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)}

    rows = re.findall(r"^\| ([\d, ]+) \|", page, re.MULTILINE)

    assert codes == {int(code) for row in rows for code in row.split(",")}


# -- links ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    """A relative link names a file of the repository, and its anchor a heading of that file."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    for target, anchor in re.findall(r"\]\(([^)#:\s]*)(?:#([^)]*))?\)", text):
        file = page.parent / target if target else page
        assert file.exists(), f"{page.name} links to {target}"
        assert not anchor or anchor in _anchors(file), f"{page.name} links to {target}#{anchor}"


def _anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_page_is_in_the_index_for_language_models() -> None:
    """`llms.txt` links to every page of the documentation."""
    index = (ROOT / "llms.txt").read_text(encoding="utf-8")

    for page in DOCS.rglob("*.md"):
        name = page.relative_to(ROOT).as_posix()
        assert f"({name})" in index or name == "docs/index.md", f"llms.txt does not list {name}"


# -- code blocks ----------------------------------------------------------------------------------


def test_blocks_have_a_language_that_is_run_or_cannot_be() -> None:
    """Code is in blocks of these languages; a reason for not running it that names a test names one that exists."""
    assert {"python", "console", "yaml"} <= {block.language for block in BLOCKS}
    assert {block.language for block in BLOCKS} <= {
        "python",
        "console",
        "yaml",
        "json",
        "jsonl",
        "csv",
        "toml",
        "text",
        "mermaid",
    }
    for block in BLOCKS:
        for name in re.findall(r"tests/[\w/.]+", block.reason):
            assert (ROOT / name).exists(), f"{block}: {name} does not exist"


@pytest.fixture(name="folder", scope="module")
def _folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two specification files, three of scores, a finished run, and the test kit as an installed plugin."""
    folder = tmp_path_factory.mktemp("docs")
    kit = folder / "kit" / "llmops_testing_kit-1.0.dist-info"
    kit.mkdir(parents=True)
    (kit / "METADATA").write_text("Metadata-Version: 2.1\nName: llmops-testing-kit\nVersion: 1.0\n", encoding="utf-8")
    (kit / "entry_points.txt").write_text("[llmops_sdk]\ntesting = llmops_sdk.testing\n", encoding="utf-8")
    for name in ("pipeline.yaml", "tickets.yaml"):
        (folder / name).write_text(FILE, encoding="utf-8")
    for name, question in {"old": "Why?", "new": "Why?", "reworded": "Why so?"}.items():
        rows = "".join(f"q{number},{question},{number % 3 % 2}\n" for number in range(12))
        (folder / f"{name}.csv").write_text(f"id,question,score\n{rows}", encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        _enter(folder, patch)
        assert 0 == main(["run", "pipeline.yaml", "-q"])
    return folder


@pytest.fixture(name="inside")
def _inside(folder: Path, block: Block, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in a copy of that folder that the blocks of a page share: those of another page leave no runs in it.

    It has the files that the page shows up to this block, the latest of each name.
    """
    own = folder.with_name(f"{folder.name}-{block.page.replace('/', '-')}")
    if not own.exists():
        shutil.copytree(folder, own)
    for other in BLOCKS:
        if other.page == block.page and other.number <= block.number and "file" in other.marks:
            (own / other.marks["file"]).parent.mkdir(parents=True, exist_ok=True)
            (own / other.marks["file"]).write_text(other.text, encoding="utf-8")
    _enter(own, monkeypatch)


def _enter(folder: Path, patch: pytest.MonkeyPatch) -> None:
    patch.chdir(folder)
    patch.syspath_prepend(folder)
    patch.syspath_prepend(folder / "kit")
    patch.setenv("PYTHONPATH", str(folder / "kit"))
    patch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
    patch.setenv("LLMOPS_HOME", str(folder / "home"))


@pytest.mark.usefixtures("inside")
@pytest.mark.parametrize("block", _run_blocks("console"), ids=str)
def test_commands_run(block: Block, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Each command of the block ends with exit code 0, or the one in its comment, in a folder with a finished run."""
    assert block.commands
    with _substitutes(block) as extra:
        for line in block.commands:
            program, *arguments = shlex.split(line, comments=True)
            if program == "python":
                monkeypatch.setattr(sys, "argv", arguments)
                runpy.run_path(arguments[0], run_name="__main__")
                continue
            assert program == "llmops", f"{line!r} cannot be run here: state the reason before the block"
            code = re.search(r"# .*exit code (\d+)", line)
            more = extra if arguments[0] in ("plan", "run") else []
            expected = int(code[1]) if code else 0
            assert expected == main([*arguments, *more]), f"{line}\n{''.join(capsys.readouterr())}"


@contextlib.contextmanager
def _substitutes(block: Block) -> Iterator[list[str]]:
    """Yield the arguments that make the block's commands quick, with a server while they run."""
    arguments = block.marks.get("run with", "")
    if "SERVER" not in arguments:
        yield shlex.split(arguments)
        return
    with openai_server() as server:
        server.models, server.answer = None, _answer
        yield shlex.split(arguments.replace("SERVER", server.url))


def _answer(body: Mapping[str, Any]) -> str:
    """Answer as a model that repeats the question, or as a judge that likes everything."""
    text = str(body["messages"][-1]["content"])
    return "Good.\nScore: 4" if "Score:" in text else text.strip().splitlines()[-1]


@pytest.mark.usefixtures("inside")
@pytest.mark.parametrize("block", _run_blocks("python"), ids=str)
def test_programs_run(block: Block) -> None:
    """The program runs as it stands, in a folder with a finished run; a file of a page is imported only."""
    name = "docs" if "file" in block.marks else "__main__"
    exec(compile(block.text, block.page, "exec"), {"__name__": name})


NOT_RUN = [
    pytest.param(block, line, id=f"{block.page}: {line[:50]}")
    for block in BLOCKS
    if block.language == "console" and block.reason
    for line in block.commands
    if line.startswith("llmops ")
]


@pytest.mark.usefixtures("inside")
@pytest.mark.parametrize(("block", "line"), NOT_RUN)
def test_commands_that_are_not_run_could_be(block: Block, line: str) -> None:  # noqa: ARG001 - block chooses the folder
    """Commands, options and values exist; and what would run on this machine has a plan, with the same overrides."""
    name, *arguments = shlex.split(line, comments=True)[1:]
    command = cli.commands[name]
    if isinstance(command, click.Group):
        command, arguments = command.commands[arguments[0]], arguments[1:]
    # With the settings of the command line: a command keeps the help option that it is first asked for.
    parsed = command.make_context(name, list(arguments), **dict[str, Any](CONTEXT_SETTINGS)).params
    if name != "run" or parsed["on"] or "://" in parsed["store"] or parsed["run_id"]:
        return
    assert read_pipeline(parsed["specification"], parsed["overrides"]).plan(offline=True).cells


# Pages about what is on AWS, what a finished run left, or what a command writes: they start with that command.
NO_FILE = (
    "aws-permissions",
    "disk-space",
    "no-orphans",
    "notebooks",
    "report",
    "resume-and-reuse",
    "serve",
    "write-a-plugin",
)


@pytest.mark.parametrize("page", sorted((DOCS / "how-to").glob("*.md")), ids=lambda page: page.stem)
def test_a_how_to_starts_with_a_file_that_runs(page: Path) -> None:
    """The first block is a file, and the first command uses it; what does not run it names the test that does."""
    blocks = _blocks_of(page, page.read_text(encoding="utf-8"))
    example = re.match(r"(?:(?!```).)*?<!-- from (examples/[^\n]+) -->", page.read_text(encoding="utf-8"), re.DOTALL)
    if page.stem in NO_FILE:
        assert "console" == blocks[0].language or page.stem == "aws-permissions"
        return
    name = example[1] if example else blocks[0].marks.get("file", "")
    assert name, f"{page.name} starts with no file: put <!-- file: NAME --> before its first block"
    command = next(block for block in blocks if block.language == "console")
    assert Path(name).stem in command.text or Path(name).parent.name in command.text
    assert not command.reason or re.search(r"tests/[\w/.]+|make [\w-]+", command.reason)


@pytest.fixture(name="validator", scope="module")
def _validator() -> jsonschema.Draft202012Validator:
    """The JSON schema of specifications, with the options of all shipped plugins."""
    return jsonschema.Draft202012Validator(specification_schema(Registry.load()))


@pytest.mark.parametrize("block", _run_blocks("yaml"), ids=str)
def test_specifications_fit_the_schema(block: Block, validator: jsonschema.Draft202012Validator) -> None:
    """A specification, or the part of one that a page shows, has only known keys and options, with values that fit."""
    specification = {"models": ["smollm2"], **yaml.safe_load(block.text)}

    validator.validate(specification)


@pytest.mark.parametrize("block", _run_blocks("json"), ids=str)
def test_json_can_be_read(block: Block) -> None:
    """A block of JSON is JSON."""
    json.loads(block.text)
