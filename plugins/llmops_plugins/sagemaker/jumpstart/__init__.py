"""JumpStart models: specs, options, training jobs."""
