"""Rank, search and measure neural architectures; the only package that may import both others."""
