"""Texts read by one process, and by all that torch has threads for, in turn.

    python experiments/speed/reading_speed.py

prints JSON. Other processes are started anew each time, which is part of their time. Then one process
reads them one by one, and in chunks.
"""

import json
import time

import numpy as np
import torch

from search_spaces import get_space
from surrogates.inputs.graph_features import forget_features, graph_features
from surrogates.inputs.read_ahead import CHUNK, read_ahead, read_chunk, stop_readers
from surrogates.inputs.statements import forget_texts, read_all
from surrogates.memory import paused_collection

N_TEXTS, N_TURNS = 4000, 5


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


def seconds_of_chunks(texts: list[str], size: int) -> float:
    """CPU time until all are read, some at once."""
    forget_texts()
    forget_features()
    start = time.process_time()
    with paused_collection():
        for first in range(0, len(texts), size):
            read_chunk(texts[first : first + size])
    return time.process_time() - start


def main() -> None:
    """Measure in turn and print."""
    texts = different_texts("nasbench201", N_TEXTS)
    seconds(texts[:1000], are_shared=False)
    turns = [
        (seconds(texts, are_shared=False), seconds(texts, are_shared=True)) for _ in range(N_TURNS)
    ]
    alone, shared = np.array(turns).T
    chunks = [
        (seconds_of_chunks(texts, 1), seconds_of_chunks(texts, CHUNK)) for _ in range(N_TURNS)
    ]
    one_by_one, in_chunks = np.array(chunks).T
    found = {
        "texts": N_TEXTS,
        "processes": torch.get_num_threads(),
        "seconds_alone": alone.round(2).tolist(),
        "seconds_shared": shared.round(2).tolist(),
        "median_ratio": round(float(np.median(alone / shared)), 2),
        "cpu_seconds_one_by_one": one_by_one.round(2).tolist(),
        "cpu_seconds_in_chunks": in_chunks.round(2).tolist(),
        "median_ratio_of_chunks": round(float(np.median(one_by_one / in_chunks)), 2),
    }
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
