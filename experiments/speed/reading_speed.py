"""Texts read by one process, and by all that torch has threads for, in turn.

    python experiments/speed/reading_speed.py

prints JSON. Other processes are started anew each time, which is part of their time.
"""

import json
import time

import numpy as np
import torch

from search_spaces import get_space
from surrogates.inputs.graph_features import forget_features, graph_features
from surrogates.inputs.read_ahead import read_ahead, stop_readers
from surrogates.inputs.statements import forget_texts, read_all

N_TEXTS, N_TURNS = 4000, 3


def different_texts(name: str, n: int) -> list[str]:
    """Texts of random networks of a space."""
    space, rng = get_space(name), np.random.default_rng(0)
    texts: dict[str, None] = {}
    while len(texts) < n:
        texts[space.to_text(space.sample(rng))] = None
    return list(texts)


def seconds(texts: list[str], *, are_shared: bool) -> float:
    """Wall time until all are read, from nothing."""
    forget_texts()
    forget_features()
    stop_readers()
    start = time.perf_counter()
    if are_shared:
        read_ahead(texts)
    read_all(texts)
    for text in texts:
        graph_features(text)
    return time.perf_counter() - start


def main() -> None:
    """Measure in turn and print."""
    texts = different_texts("nasbench201", N_TEXTS)
    seconds(texts[:1000], are_shared=False)
    turns = [
        (seconds(texts, are_shared=False), seconds(texts, are_shared=True)) for _ in range(N_TURNS)
    ]
    alone, shared = np.array(turns).T
    found = {
        "texts": N_TEXTS,
        "processes": torch.get_num_threads(),
        "seconds_alone": alone.round(2).tolist(),
        "seconds_shared": shared.round(2).tolist(),
        "median_ratio": round(float(np.median(alone / shared)), 2),
    }
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
