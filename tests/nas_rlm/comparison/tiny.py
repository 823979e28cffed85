"""Names and settings that tests of comparisons share."""

ACCURACY = "accuracy_percent/cifar10"
LATENCIES = ("latency_ms/pixel3", "latency_ms/fpga", "latency_ms/gold_6226")
N_ROWS = 150
TINY = {"n_steps": 4, "width": 16, "n_layers": 1, "batch_size": 4, "n_members": 1}
