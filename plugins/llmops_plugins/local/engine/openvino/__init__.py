"""Models that OpenVINO computes on a CPU."""
