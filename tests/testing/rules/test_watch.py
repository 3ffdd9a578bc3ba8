"""What the watch refuses. Its hook cannot be taken out again, so it is tried in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

PROGRAM = """
import json, os, shutil, socket, sqlite3, sys, tempfile
from contextlib import suppress
from pathlib import Path
from llmops_sdk.testing.rules.watch import Watch

allowed, outside = Path(sys.argv[1]), Path(sys.argv[2])
server = socket.create_server(("127.0.0.1", 0))
watch = Watch()
(outside / "before").write_text("not watched yet")

def allow():
    (allowed / "folder").mkdir()
    (allowed / "folder" / "file").write_text("x")
    shutil.rmtree(allowed / "folder")
    with tempfile.TemporaryDirectory(dir=allowed) as folder:
        Path(folder, "file").touch()
    (outside / "before").read_text()
    open(os.devnull, "w").close()
    sqlite3.connect(":memory:").close()
    socket.create_connection(server.getsockname()).close()

def refuse():
    for call in (
        lambda: (outside / "file").write_text("x"),
        lambda: os.open(outside / "low", os.O_CREAT | os.O_WRONLY),
        lambda: (outside / "folder").mkdir(),
        lambda: (outside / "before").unlink(),
        lambda: (outside / "before").rename(allowed / "taken"),
        lambda: sqlite3.connect(outside / "base.db"),
        lambda: socket.create_connection(("192.0.2.1", 80), timeout=0.1),
        lambda: socket.socket().connect(("192.0.2.2", 81)),
        lambda: socket.getaddrinfo("example.org", None),
    ):
        with suppress(OSError, sqlite3.Error):
            call()

with watch.watching([allowed]) as seen:
    allow()
    good = list(seen)
    refuse()
with suppress(OSError):
    (outside / "after").write_text("not watched any more")
print(json.dumps({"good": good, "bad": seen, "left": sorted(os.listdir(outside))}))
"""


def test_writes_outside_and_connections_beyond_this_machine_are_refused(tmp_path: Path) -> None:
    """And seen; reading, temporary files, devices and loopback are allowed."""
    allowed, outside = tmp_path / "allowed", tmp_path / "outside"
    allowed.mkdir()
    outside.mkdir()

    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(allowed), str(outside)], capture_output=True, text=True, check=True
    )

    found = json.loads(done.stdout)
    assert [] == found["good"]
    assert ["after", "before"] == found["left"]
    assert [
        ["own-folder", f"it wrote '{outside}/file'"],
        ["own-folder", f"it wrote '{outside}/low'"],
        ["own-folder", f"it wrote '{outside}/folder'"],
        ["own-folder", f"it wrote '{outside}/before'"],
        ["own-folder", f"it wrote '{outside}/base.db'"],
        ["offline", "it tried to reach 192.0.2.1:80"],
        ["offline", "it tried to reach 192.0.2.2:81"],
        ["offline", "it tried to reach example.org"],
    ] == found["bad"]
