"""How good predictions are: ranks and calibration."""
