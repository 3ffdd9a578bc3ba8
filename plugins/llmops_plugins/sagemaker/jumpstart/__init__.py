"""JumpStart models: specifications, options, training jobs."""
