"""What threads are worth to the dataflow encoder, in steps of training and in predictions a second.

``python experiments/speed/thread_speed.py [--busy N]``; with N other programs that keep a core
busy each. See :mod:`surrogates.rlm.large_products`.
"""

import argparse
import multiprocessing
import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from functools import partial
from unittest.mock import patch

import numpy as np
import torch
from reading_speed import different_texts

from nas_rlm.measure.device import current_environment
from surrogates.rlm import answers, training
from surrogates.rlm.regressor import RlmRegressor

SPACES = ("nasbench201", "ofa_mbv3")
N_TEXTS, N_STEPS, N_PREDICTED = 200, 60, 2000


def spin() -> None:
    """Keep a core busy."""
    while True:
        pass


def steps_a_second(texts: list[str], n_metrics: int, *, has_all_threads: bool) -> float:
    """Train one network on random labels, with one thread or with all."""
    rng = np.random.default_rng(0)
    labels = [{f"latency_ms/{k}": rng.uniform(1.0, 2.0) for k in range(n_metrics)} for _ in texts]
    done_at: list[float] = []
    rlm = RlmRegressor(n_members=1, n_steps=N_STEPS, pools_process=False)
    threads = patch.object(training, "product_threads", lambda **_: nullcontext())
    with threads if has_all_threads else nullcontext():
        rlm.fit(texts, labels, progress=lambda *_: done_at.append(time.perf_counter()))
    return (N_STEPS - 1) / (done_at[-1] - done_at[0])


def predictions_a_second(rlm: RlmRegressor, texts: list[str], *, are_side_by_side: bool) -> float:
    """Predict texts that were read before, batches side by side or one by one on all threads."""
    one_by_one = patch.object(
        answers, "for_each_part", lambda work, parts, **_: [work(part) for part in parts]
    )
    with nullcontext() if are_side_by_side else one_by_one:
        start = time.perf_counter()
        rlm.predict(texts)
        return len(texts) / (time.perf_counter() - start)


def show(what: str, unit: str, ways: Mapping[str, Callable[[], float]]) -> None:
    """Print the best of three rates of each of two ways."""
    rates = {way: max(rate() for _ in range(3)) for way, rate in ways.items()}
    first, second = rates.values()
    found = ", ".join(f"{way} {rate:.1f}" for way, rate in rates.items())
    print(f"{what}, {unit} a second: {found}, {second / first:.2f} times")


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--busy", type=int, default=0)
    n_busy = parser.parse_args().busy
    others = [multiprocessing.Process(target=spin, daemon=True) for _ in range(n_busy)]
    for other in others:
        other.start()
    cpu, n_threads = current_environment().cpu_model, torch.get_num_threads()
    print(f"{cpu}, {n_threads} threads, {n_busy} other programs, best of three")
    for name in SPACES:
        predicted = different_texts(name, N_PREDICTED)
        texts = predicted[:N_TEXTS]
        for n_metrics in (1, 5):
            steps = partial(steps_a_second, texts, n_metrics)
            show(
                f"{name:12s} {n_metrics} metrics",
                "steps",
                {
                    "one thread": partial(steps, has_all_threads=False),
                    "all threads": partial(steps, has_all_threads=True),
                },
            )
        rlm = RlmRegressor(n_steps=10)
        rlm.fit(texts, [{"accuracy_percent/x": float(k)} for k in range(N_TEXTS)])
        rlm.predict(predicted)
        predictions = partial(predictions_a_second, rlm, predicted)
        show(
            f"{name:12s} batches",
            "predictions",
            {
                "one by one on all threads": partial(predictions, are_side_by_side=False),
                "side by side": partial(predictions, are_side_by_side=True),
            },
        )


if __name__ == "__main__":
    main()
