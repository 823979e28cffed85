"""Where the time from text to numbers goes: architectures a second for every step, one run.

Run it on a quiet machine: ``python experiments/speed/prediction_speed.py [--threads N]``.
"""

import argparse
import time
from collections.abc import Callable, Iterator

import numpy as np
import torch

import search_spaces
from nas_rlm.measure.device import current_environment
from surrogates.inputs.batches import StatementInterner
from surrogates.inputs.edge_batches import EdgeBatch, in_batches
from surrogates.inputs.statements import read_statements
from surrogates.inputs.text_tokens import StatementTokenizer
from surrogates.rlm.encoders.dataflow import DataflowEncoder
from surrogates.rlm.regressor import RlmRegressor

N_TEXTS = 2000
METRICS = ("accuracy_percent/cifar10", "latency_ms/local")


def rate(work: Callable[[], object], n: int, repeats: int = 3) -> float:
    """Best of a few runs, in items a second."""
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return n / min(seconds)


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    torch.set_num_threads(parser.parse_args().threads)
    rng = np.random.default_rng(0)
    space = search_spaces.get_space("nasbench201")
    architectures = [space.sample(rng) for _ in range(N_TEXTS)]
    texts = [space.to_text(architecture) for architecture in architectures]
    labels = [{metric: float(rng.normal(50, 10)) for metric in METRICS} for _ in range(100)]
    model = RlmRegressor(n_steps=20).fit(texts[:100], labels)
    graphs = [read_statements(text) for text in texts]
    tokenizer = StatementTokenizer.train(s for graph in graphs for s in graph.statements)
    interner = StatementInterner(tokenizer)
    numbers = interner.intern(graphs)
    lengths = [len(graph) for graph in graphs]

    def batches() -> Iterator[EdgeBatch]:
        for rows in in_batches(lengths):
            yield interner.collate_edges([graphs[i] for i in rows], [numbers[i] for i in rows])

    encoder = DataflowEncoder(width=64, n_layers=3, dropout=0.0).eval()

    def encode(*, are_apart: bool) -> None:
        for batch in batches():
            vectors = torch.ones(len(batch.tokens), 64)
            with torch.inference_mode():
                if are_apart:
                    encoder.apart(vectors[batch.statements], batch)
                else:
                    encoder.exchange(vectors, batch)

    steps: dict[str, Callable[[], object]] = {
        "export to canonical text": lambda: [space.to_text(a) for a in architectures],
        "text to statements": lambda: [read_statements(text) for text in texts],
        "statements to tokens": lambda: StatementInterner(tokenizer).intern(graphs),
        "collate": lambda: list(batches()),
        "collate and encode, all statements": lambda: encode(are_apart=True),
        "collate and encode, those that differ": lambda: encode(are_apart=False),
        "predict one metric, statements known": lambda: model.predict(texts, METRICS[:1]),
        "predict two metrics, statements known": lambda: model.predict(texts),
        "text to two metrics, all steps": lambda: (
            [read_statements(text) for text in texts],
            model.predict(texts),
        ),
        "the same, latency conditioned on accuracy": lambda: model.predict(
            texts, decoding="chain"
        ),
    }
    environment = current_environment()
    print(f"{environment.cpu_model}, {torch.get_num_threads()} threads, {N_TEXTS} texts")
    for name, work in steps.items():
        print(f"{name:45s} {rate(work, N_TEXTS):10,.0f} a second")


if __name__ == "__main__":
    main()
