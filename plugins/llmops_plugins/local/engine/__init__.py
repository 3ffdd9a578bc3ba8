"""Text generation on this machine with continuous batching."""
