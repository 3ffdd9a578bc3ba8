"""The SageMaker Python SDK: loading it, the user's config, and the parts of a `@step` pipeline."""
