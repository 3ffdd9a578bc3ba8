"""Names that the cards, resources and requests of this plugin share."""

from __future__ import annotations

JUMPSTART = "jumpstart"
"""Format of a base model: a JumpStart id."""

JUMPSTART_ARTIFACT = "jumpstart-artifact"
"""Format of a model that a JumpStart training job wrote to S3."""

ENDPOINT_BY_NAME = "sagemaker-endpoint"
"""Format of a base model that an existing endpoint serves: the name of the endpoint."""

TRAINING_JOB, ENDPOINT, ENDPOINT_CONFIG, MODEL = "training-job", "endpoint", "endpoint-config", "model"
"""Kinds of resources."""

RESPONSE_KEY = "\n\n### Response:\n"
"""The text that JumpStart's instruction tuning always puts between prompt and completion."""

ACCEPT_EULA, TOLERATE_VULNERABLE, TOLERATE_DEPRECATED = "accept_eula", "tolerate_vulnerable", "tolerate_deprecated"
"""Parameters of a base model; each is 'true' or absent."""
