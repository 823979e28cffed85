"""Texts read by one process, and by all that torch has threads for, in turn.

    python experiments/speed/reading_speed.py

prints JSON. Other processes are started anew each time, which is part of their time. Then one process
reads text by text, and step by step for 64 texts.
"""

import json
import time

import numpy as np
import torch

from search_spaces import get_space
from surrogates.inputs.graph_features import READ_FEATURES, forget_features, graph_features
from surrogates.inputs.parsed_models import parse_model
from surrogates.inputs.read_ahead import read_ahead, stop_readers
from surrogates.inputs.statements import READ_GRAPHS, forget_texts, read_all
from surrogates.memory import paused_collection

N_TEXTS, N_TURNS = 4000, 5
STEPS = parse_model, READ_GRAPHS.of, READ_FEATURES.of
N_AT_ONCE = 64


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


def seconds_of_steps(texts: list[str], n_at_once: int) -> float:
    """CPU time until all are read, each step done for some texts before the next begins."""
    forget_texts()
    forget_features()
    start = time.process_time()
    with paused_collection():
        for first in range(0, len(texts), n_at_once):
            for step in STEPS:
                for text in texts[first : first + n_at_once]:
                    step(text)
    return time.process_time() - start


def main() -> None:
    """Measure in turn and print."""
    texts = different_texts("nasbench201", N_TEXTS)
    seconds(texts[:1000], are_shared=False)
    turns = [
        (seconds(texts, are_shared=False), seconds(texts, are_shared=True)) for _ in range(N_TURNS)
    ]
    alone, shared = np.array(turns).T
    steps = [
        (seconds_of_steps(texts, 1), seconds_of_steps(texts, N_AT_ONCE)) for _ in range(N_TURNS)
    ]
    by_text, by_step = np.array(steps).T
    found = {
        "texts": N_TEXTS,
        "processes": torch.get_num_threads(),
        "seconds_alone": alone.round(2).tolist(),
        "seconds_shared": shared.round(2).tolist(),
        "median_ratio": round(float(np.median(alone / shared)), 2),
        "cpu_seconds_by_text": by_text.round(2).tolist(),
        "cpu_seconds_by_step": by_step.round(2).tolist(),
        "median_ratio_of_steps": round(float(np.median(by_text / by_step)), 2),
    }
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
