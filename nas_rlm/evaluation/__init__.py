"""How good predictions are: ranks, errors, calibration, and how sure a difference is."""
