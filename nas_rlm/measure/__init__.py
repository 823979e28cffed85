"""Latencies of models on the machine that the program runs on."""
