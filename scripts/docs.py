"""Writes the generated parts of the documentation, so that its pages read everywhere as they stand.

A part stands between `<!-- from SOURCE -->` and `<!-- end -->`. The source is one of

- a file of this repository;
- `reference NAME...`: the reference of public names. The name of a module or folder stands for all public names in it,
  without those after a minus sign;
- `face MODULE`: a table of a module's public names;
- `module MODULE`: a module's docstring;
- `cards`: what the shipped plugins offer, with all options;
- `examples`: a table of the packaged examples.

`--check` compares instead of writing, and names the pages that differ.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import reference

from llmops_sdk.cli.catalog import list_examples
from llmops_sdk.cli.output.plugins import plugins_json
from llmops_sdk.plugin.registry import Registry

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PART = re.compile(r"(?P<head><!-- from (?P<source>[^\n]+?) -->\n)(?P<body>.*?)(?P<tail><!-- end -->)", re.DOTALL)
LANGUAGES = {".py": "python", ".sh": "bash", ".yaml": "yaml", ".toml": "toml", ".json": "json"}


def main() -> int:
    """Write or check all pages."""
    stale = []
    for page in pages():
        text = page.read_text(encoding="utf-8")
        try:
            written = _filled(text, page)
        except LookupError as exc:
            print(f"{page.relative_to(ROOT)}: {exc}", file=sys.stderr)
            return 1
        if written != text:
            stale.append(page.relative_to(ROOT).as_posix())
            if "--check" not in sys.argv:
                page.write_text(written, encoding="utf-8")
    if "--check" not in sys.argv:
        print(*(f"wrote {name}" for name in stale), sep="\n", end="\n" if stale else "")
        return 0
    if stale:
        print(f"not what the sources hold: {', '.join(stale)}; write them with: make docs-write", file=sys.stderr)
    return 1 if stale else 0


def pages() -> list[Path]:
    """Return the pages that may hold generated parts."""
    return [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]


def documented() -> dict[str, Path]:
    """Return every public name that has a reference, with its page."""
    homes: dict[str, Path] = {}
    for page in pages():
        for part in PART.finditer(page.read_text(encoding="utf-8")):
            kind, _, names = part["source"].partition(" ")
            if kind == "reference":
                homes.update(dict.fromkeys(reference.expand(names.split()), page))
    return homes


def _filled(text: str, page: Path) -> str:
    return PART.sub(lambda part: f"{part['head']}{_body(part['source'], page)}{part['tail']}", text)


def _body(source: str, page: Path) -> str:
    kind, _, names = source.partition(" ")
    if kind == "reference":
        return "\n" + "".join(f"{reference.render(name)}\n\n" for name in reference.expand(names.split()))
    if kind == "face":
        return f"\n{_table(names, page)}\n"
    if kind == "cards":
        return f"\n{_cards()}\n"
    if kind == "examples":
        return f"\n{_examples()}\n"
    if kind == "module":
        return f"\n```text\n{reference.docstring(names)}\n```\n\n"
    return _fenced(ROOT / source)


def _fenced(path: Path) -> str:
    return f"```{LANGUAGES[path.suffix]}\n{path.read_text(encoding='utf-8').strip()}\n```\n"


def _table(face: str, page: Path) -> str:
    """Return a table of a module's public names: what each is, with a link to its reference."""
    homes = documented()
    lines = ["| name | what it is |", "|---|---|"]
    for name in reference.public_names(face):
        home = homes.get(name)
        link = f"[`{name}`]({_relative(home, page)}#{name.lower()})" if home else f"`{name}`"
        text = reference.summary(name).replace("|", r"\|")
        lines.append(f"| {link} | {text} |")
    return "\n".join(lines) + "\n"


def _cards() -> str:
    """Return a section for each kind of card, and in it one for each card of the shipped plugins."""
    lines: list[str] = []
    cards = plugins_json(Registry.load().offers(), ())
    for card in (card for card in cards if card["distribution"] == "llmops-sdk"):
        if f"## {card['kind']}" not in lines:
            lines += [f"## {card['kind']}", ""]
        lines += [f"### {card['kind']} {card['name']}", "", f"{card['summary'][:1].upper()}{card['summary'][1:]}.", ""]
        for one in card["options"]:
            default = "" if one["default"] == "(required)" else f" = {one['default']}"
            lines.append(f"- `{one['name']}{default}`{': ' if one['help'] else ''}{one['help']}")
        lines += [""] if card["options"] else []
    return "\n".join(lines)


def _examples() -> str:
    """Return a table of the packaged examples."""
    lines = ["| example | shows | needs |", "|---|---|---|"]
    lines += [f"| `{example.name}` | {example.summary} | {example.needs} |" for example in list_examples()]
    return "\n".join(lines) + "\n"


def _relative(target: Path, page: Path) -> str:
    if target.parent == page.parent:
        return target.name
    return f"{'../' * len(page.parent.relative_to(DOCS).parts)}{target.relative_to(DOCS).as_posix()}"


if __name__ == "__main__":
    sys.exit(main())
