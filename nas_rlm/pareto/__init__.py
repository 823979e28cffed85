"""Pareto fronts: dominance, exact hypervolume, reference points; every objective is minimized."""
