"""Predictors without learning that every comparison needs."""
