"""Amazon SageMaker: JumpStart models fine-tuned in training jobs, and endpoints."""
