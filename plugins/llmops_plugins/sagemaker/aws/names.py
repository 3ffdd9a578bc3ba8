"""The words this plugin's cards, resources and requests share."""

from __future__ import annotations

JUMPSTART = "jumpstart"
"""Format of a base model: a JumpStart id."""

JUMPSTART_ARTIFACT = "jumpstart-artifact"
"""Format of what a JumpStart training job left in S3."""

ENDPOINT_BY_NAME = "sagemaker-endpoint"
"""Format of a base model that is served already: an endpoint's name."""

TRAINING_JOB, ENDPOINT, ENDPOINT_CONFIG, MODEL = "training-job", "endpoint", "endpoint-config", "model"
"""Kinds of resources."""

RESPONSE_KEY = "\n\n### Response:\n"
"""What JumpStart's instruction tuning puts between prompt and completion, always."""

ACCEPT_EULA, TOLERATE_VULNERABLE, TOLERATE_DEPRECATED = "accept_eula", "tolerate_vulnerable", "tolerate_deprecated"
"""Parameters of a base model; each is 'true' or absent."""
