"""SageMaker endpoints: deploying, asking, streaming."""
