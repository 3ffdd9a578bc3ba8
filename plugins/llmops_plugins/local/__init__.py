"""The local backend: LoRA training, an endpoint on loopback, and the executor of this machine."""
