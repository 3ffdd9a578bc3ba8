"""The deployer `recorded`: no model is served, its answers are looked up."""

from __future__ import annotations

from llmops_plugins.recorded.file_options import RecordedModelOptions
from llmops_plugins.recorded.files import data_file
from llmops_plugins.recorded.index import AnswerIndex
from llmops_plugins.recorded.options import RecordedOptions
from llmops_plugins.recorded.transport import RecordedTransport
from llmops_sdk.plugin import (
    BaseModel,
    Context,
    Deployer,
    Endpoint,
    EndpointError,
    ServableModel,
    TrainedModel,
    Transport,
    file_sha256,
)

_INDEX = "answers.sqlite"


class Recorded(Deployer):
    """Answers from a file."""

    def __init__(self, options: RecordedOptions) -> None:
        super().__init__(options)
        self._indexed: tuple[AnswerIndex, RecordedModelOptions] | None = None

    def fingerprint(self, context: Context, model: BaseModel) -> str:
        """Return the hash of the file."""
        return file_sha256(data_file(model.source))

    def deploy(self, context: Context, model: ServableModel) -> Endpoint:
        """Index the file, in the step's folder."""
        if isinstance(model, TrainedModel):
            message = f"the deployer 'recorded' serves no trained model: {model.uri!r}"
            raise EndpointError(message)
        options = RecordedModelOptions.of(model)
        path = data_file(options.path)
        index = AnswerIndex(context.folder / _INDEX)
        try:
            with context.progress.task(f"reading {path.name}", unit="rows") as task:
                index.add_file(path, options, task.advance)
        except BaseException:
            index.close()
            raise
        self._indexed = index, options
        details = {"answers": path.name, "sha256": file_sha256(path), "rows": str(index.rows)}
        # One at a time: they take no time to look up
        return Endpoint(name=path.name, concurrency=1, metadata=details)

    def connect(self, context: Context, endpoint: Endpoint) -> Transport:
        """Answer from the index."""
        if self._indexed is None:
            message = f"the answers of {endpoint.name!r} are not indexed in this process"
            raise EndpointError(message)
        index, options = self._indexed
        return RecordedTransport(index, options, endpoint.name, context.log, context.progress)
