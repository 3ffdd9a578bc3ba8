"""SageMaker endpoints: options, deploying, asking, streaming."""
