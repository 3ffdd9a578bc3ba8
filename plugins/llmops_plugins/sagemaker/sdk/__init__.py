"""The SageMaker Python SDK, used for `@step` and for the requests of JumpStart models."""
