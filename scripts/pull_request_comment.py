"""Writes a file as a comment on a pull request; a comment with the same first line is replaced.

    python3 pull_request_comment.py FILE

The first line is a mark that people do not see: `<!-- llmops-gate: NAME -->`. Reads GITHUB_API_URL, GITHUB_REPOSITORY,
GITHUB_TOKEN and PULL_REQUEST, as the action at the root of this repository sets them. Python's standard library is enough. A
comment that cannot be written, as from a fork, is a warning: the answer of the gate stands in the job all the same.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

MARK = "<!-- llmops-gate: "
LONGEST = 65_000
"""Characters; GitHub refuses comments with more than 65,536."""

_PAGE = 100
_PATIENCE = 30
"""Seconds for each request."""


def main() -> int:
    """Write the comment; 2 if the file is no comment of a gate."""
    body = Path(sys.argv[1]).read_text(encoding="utf-8")
    mark = body.split("\n", 1)[0]
    if not mark.startswith(MARK):
        print(
            f"error: {sys.argv[1]} does not start with {MARK!r}: write it with llmops gate --markdown", file=sys.stderr
        )
        return 2
    repository, number = os.environ["GITHUB_REPOSITORY"], os.environ["PULL_REQUEST"]
    try:
        known = [each["id"] for each in _comments(repository, number) if _mark_of(each) == mark]
        payload = {"body": body if len(body) <= LONGEST else f"{body[:LONGEST]}\n\n(cut)"}
        if known:
            _call("PATCH", f"/repos/{repository}/issues/comments/{known[-1]}", payload)
        else:
            _call("POST", f"/repos/{repository}/issues/{number}/comments", payload)
    except HTTPError as exc:
        print(f"::warning::the comment on the pull request was refused: {exc.code} {exc.reason}")
    except (OSError, ValueError) as exc:
        print(f"::warning::the comment on the pull request could not be written: {exc}")
    else:
        print("the comment was replaced" if known else "the comment was written")
    return 0


def _comments(repository: str, number: str) -> Iterator[Any]:
    page = 1
    while True:
        comments = _call("GET", f"/repos/{repository}/issues/{number}/comments?per_page={_PAGE}&page={page}")
        yield from comments
        if len(comments) < _PAGE:
            return
        page += 1


def _mark_of(comment: Any) -> str:
    return str(comment.get("body") or "").replace("\r\n", "\n").split("\n", 1)[0]


def _call(method: str, path: str, payload: Any = None) -> Any:
    url = os.environ.get("GITHUB_API_URL", "https://api.github.com").rstrip("/") + path
    data = None if payload is None else json.dumps(payload).encode()
    headers = {
        "Authorization": f"Bearer {os.environ['GITHUB_TOKEN']}",
        "Accept": "application/vnd.github+json",
        "Content-Type": "application/json",
        "X-GitHub-Api-Version": "2022-11-28",
    }
    request = Request(url, data, headers, method=method)  # noqa: S310 - the URL of GitHub's API
    with urlopen(request, timeout=_PATIENCE) as reply:  # noqa: S310
        return json.load(reply)


if __name__ == "__main__":
    sys.exit(main())
