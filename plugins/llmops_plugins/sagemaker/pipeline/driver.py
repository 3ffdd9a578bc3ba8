"""The driver script of a container, `job_driver.sh` of the SageMaker SDK: made to pass SIGTERM on, and to check the SDK's version.

SageMaker stops a container with SIGTERM to its first process, the shell that runs the driver, and kills it after two minutes.
A shell passes nothing on, and ignores SIGTERM as process 1. So every command that takes time is started by a function that
passes SIGTERM on to its process group and waits for its end: the step deletes its endpoint, and the container ends.

A version of the SDK reads no pickles of another line, and not those of every version of its own. Before a step is called, the
version in the container is compared with the one that made the pipeline, so that a difference is one line and no traceback.
"""

from __future__ import annotations

import re

from llmops_sdk.plugin import SpecError

DRIVER = "job_driver.sh"
"""The name of the script in the channel that the SDK uploads."""

_CALLS = re.compile(r"sagemaker\.(?:core\.)?remote_function\.invoke_function")
"""The module that calls a `@step` function, of either line of the SDK."""

_CALL = re.compile(
    rf"^(?P<indent>[ \t]*)(?P<python>(?:\$conda_exe run [^\n]* )?python) -m {_CALLS.pattern}", re.MULTILINE
)
"""The command that calls it, up to its arguments."""

_COMMAND = re.compile(r"^(?P<indent>\s*)(?=(?:python|\$conda_exe run) )", re.MULTILINE)
_START = re.compile(r"^set -eu$", re.MULTILINE)

_FUNCTIONS = r"""set -eu

# Added by llmops-sdk: SageMaker stops a container with SIGTERM to this shell alone.
llmops_group=
llmops_stopped=
llmops_stop() {
    llmops_stopped=1
    [ -n "$llmops_group" ] || exit 143
    kill -s TERM -- "-$llmops_group" 2>/dev/null || true
}
llmops_run() {
    local code=0
    set -m  # the command gets a process group of its own
    "$@" &
    llmops_group=$!
    set +m
    wait "$llmops_group" || code=$?
    while kill -s 0 "$llmops_group" 2>/dev/null; do  # a signal ended the wait, not the command
        code=0
        wait "$llmops_group" || code=$?
    done
    if [ -n "$llmops_stopped" ]; then
        while kill -s 0 -- "-$llmops_group" 2>/dev/null; do sleep 1; done
        exit 143
    fi
    llmops_group=
    return "$code"
}
trap llmops_stop TERM

# Added by llmops-sdk: only the version of the SDK that pickled a step is sure to read it.
llmops_version='@CHECK@'"""

# One line without single quotes: `conda run` takes no argument of several lines.
_CHECK = (
    "import sys, importlib.metadata as m; "
    'have = next(("sagemaker " + each.version for each in m.distributions(name="sagemaker")), "no sagemaker"); '
    'text = "this container has " + have + ", and the step was pickled by sagemaker " + sys.argv[1] + ": one reads no pickles of the'
    ' other; let the image and its requirements have that version"; '
    'have == "sagemaker " + sys.argv[1] or (open("/opt/ml/output/failure", "w").write(text), sys.exit(text))'
)


def adapted_driver(script: str, sdk_version: str) -> str:
    """Return the driver script of the SDK with SIGTERM passed on to the command that it runs, and the check of the version.

    Args:
        script: The script of the SDK.
        sdk_version: The version of the SDK that pickles the steps.

    Raises:
        SpecError: The script has another form: this version of the SDK is not supported.
    """
    checked = _CALL.sub(rf'\g<indent>\g<python> -c "$llmops_version" {sdk_version}\n\g<0>', script)
    changed = _COMMAND.sub(r"\g<indent>llmops_run ", checked)
    commands = [line for line in changed.splitlines() if _CALLS.search(line) and not line.strip().startswith("printf ")]
    if len(_START.findall(script)) != 1 or not commands or not all("llmops_run " in line for line in commands):
        message = f"the SageMaker SDK has another {DRIVER}: this version of it is not supported"
        raise SpecError(message)
    return _START.sub(lambda _match: _FUNCTIONS.replace("@CHECK@", _CHECK), changed)
