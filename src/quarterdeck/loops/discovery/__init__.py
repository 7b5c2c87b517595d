"""Signed causal loops that nobody listed, from the metrics alone."""
