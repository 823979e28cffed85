"""Scores of an untrained network, computed for real: one random start and one batch, no training."""
