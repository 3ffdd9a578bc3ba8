"""The deployer `local-export`: exports a model as one would publish it, and serves what it exported."""

from __future__ import annotations

import attrs

from llmops_plugins._weights.locate import Weights
from llmops_plugins.local.options import ExportedEndpointOptions
from llmops_plugins.local.server.deployer import LocalEndpoint
from llmops_plugins.local.weights.export import export_model, stored_dtype
from llmops_sdk.plugin import Context, Endpoint, ServableModel, serving_details


class ExportedEndpoint(LocalEndpoint):
    """Saves the weights in another number format, with the configuration and the tokenizer, and serves that folder.

    The number format in which the server computes is that of `local-endpoint`.
    """

    options: ExportedEndpointOptions

    def deploy(self, context: Context, model: ServableModel) -> Endpoint:
        """Serve it as `local-endpoint` does; the number format that is reported names the one of the export if it differs."""
        endpoint = super().deploy(context, model)
        exported, computed = stored_dtype(self.find_weights(context, model).folder), endpoint.metadata["dtype"]
        if exported == computed:
            return endpoint
        details = serving_details(number_format=f"{exported}, computed in {computed}")
        return attrs.evolve(endpoint, metadata={**endpoint.metadata, **details})

    def find_weights(self, context: Context, model: ServableModel) -> Weights:
        """Return the folder with the exported model; it stays in the cache."""
        weights = super().find_weights(context, model)
        return attrs.evolve(weights, folder=export_model(context.home, weights.folder, self.options.export_dtype))
