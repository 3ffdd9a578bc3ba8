"""AWS as the rehearsal plays it, in a process of its own: moto on loopback, with what moto does not do put into it.

`python -m llmops_plugins.sagemaker.emulator.server CHOICES` tells its URL on standard output, and ends, with all that it
has started, when its standard input ends.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import threading

from llmops_plugins.sagemaker.emulator.account import Choices, World
from llmops_sdk.plugin import from_json

_END_SECONDS = 15.0
"""In which the containers end; their guards kill them sooner."""


def main() -> int:
    """Play AWS until standard input ends."""
    choices: Choices = from_json(json.loads(sys.argv[1]), Choices)
    told = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    world = World(choices)
    world.open()
    told.write(json.dumps({"url": world.url}) + "\n")
    told.close()
    while os.read(0, 4096):
        pass
    world.close()
    for thread in threading.enumerate():
        if thread.name.startswith("llmops-rehearsal"):
            thread.join(_END_SECONDS)
    shutil.rmtree(world.folder, ignore_errors=True)  # whoever made it may have been killed
    return 0


if __name__ == "__main__":
    code = main()
    sys.stderr.flush()
    os._exit(code)
