"""The protocol ``speed``: ours and regress-lm on the same rows, one machine, one run.

    python experiments/speed/regress_lm.py --regress-lm FOLDER

takes some minutes on two quiet cores and writes ``regress_lm.json`` and the tables of the experiments
page. Each part runs in a process of its own, one after the other, so that its peak memory is its own.

FOLDER is a checkout of regress-lm; what it needs beside torch goes into the same environment:

    git clone https://github.com/google-deepmind/regress-lm
    pip install sentencepiece ordered-set absl-py

The package of that name on the package index is by somebody else and holds no code. Without FOLDER
ours alone is measured and nothing is compared. The vocabulary that regress-lm would download is
learned here from the training texts, which gives shorter inputs. Weights do not change the speed
of either, so models that are only timed are trained for a few steps, or not at all.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from regress_lm_tables import document

from nas_rlm.atomic_files import write_atomically
from nas_rlm.comparison.results import current_commit, current_machine
from nas_rlm.comparison.space_rows import read_space_rows
from nas_rlm.comparison.tables import update_document
from nas_rlm.evaluation.rank_metrics import kendall_tau
from surrogates.rlm.regressor import RlmRegressor

HERE = Path(__file__).parent
ACCURACY = "accuracy_percent/cifar10"
DEVICES = ("pixel3", "gold_6226", "titan_rtx_1", "fpga")
METRICS = (ACCURACY, *(f"latency_ms/{device}" for device in DEVICES))
N_TRAIN, N_TEST, N_DEVELOPMENT, N_SCORED = 1000, 10_000, 1000, 2000
TAU = 0.80
N_SAMPLES = 64
N_TURNS = 5
"""How often our predictions are timed, in turn: cores of a shared host are not always as fast."""
PEER_SECONDS = 60.0
"""How long regress-lm is trained."""


class Rows:
    """Rows of NAS-Bench-201; some describe one network twice, as the benchmark does."""

    def __init__(self, metrics: Sequence[str]) -> None:
        """Shuffle training and test rows once, and development rows apart."""
        self._rows = read_space_rows("nasbench201", metrics)
        self._metrics = metrics
        usable = np.random.default_rng(0).permutation(self._rows.usable(metrics))
        self.train, self.test = usable[:N_TRAIN], usable[N_TRAIN : N_TRAIN + N_TEST]
        apart = np.flatnonzero(self._rows.is_development)
        self.development = np.random.default_rng(0).permutation(apart)[:N_DEVELOPMENT]

    def texts(self, rows: Any) -> list[str]:
        """ONNX texts of rows."""
        return list(self._rows.texts(rows))

    def labels(self, rows: Any) -> list[dict[str, float]]:
        """Labels of rows."""
        return self._rows.labels(rows, self._metrics)


def seconds(work: Callable[[], object]) -> float:
    """Wall time of one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def forget() -> None:
    """Read the next texts anew: nothing that an earlier call read is remembered."""
    from surrogates.inputs import graph_features, read_ahead, statements

    statements.forget_texts()
    graph_features.forget_features()
    read_ahead.stop_readers()


def peak_mb() -> float:
    """Peak memory so far of this process, and of those it started that still run, in MB."""
    peaks = [resource.getrusage(resource.RUSAGE_SELF).ru_maxrss]
    for children in Path("/proc/self/task").glob("*/children"):
        for child in children.read_text().split():
            lines = Path(f"/proc/{child}/status").read_text().splitlines()
            peaks += [int(line.split()[1]) for line in lines if line.startswith("VmHWM")]
    return sum(peaks) / 1024


def deep_text(n_statements: int) -> str:
    """A network of about so many statements, all written out: residual blocks of varied kernels."""
    rng = np.random.default_rng(n_statements)
    weights, nodes, last, width = [], [], "x", 16
    for block in range(max(1, n_statements // 4)):
        size = int(rng.choice([1, 3, 5]))
        weights.append(f"float[{width},{width},{size},{size}] w{block}")
        pad = size // 2
        nodes += [
            f"a{block} = Relu ({last})",
            f"b{block} = Conv <kernel_shape: ints = [{size}, {size}], "
            f"pads: ints = [{pad}, {pad}, {pad}, {pad}]> (a{block}, w{block})",
            f"c{block} = {'Sigmoid' if rng.random() < 0.5 else 'Tanh'} (b{block})",
            f"d{block} = Add (c{block}, {last})",
        ]
        last = f"d{block}"
    inputs = ", ".join(["float[1,16,32,32] x", *weights])
    body = "\n   ".join([*nodes, f"y = Identity ({last})"])
    head = '<ir_version: 8, opset_import: ["" : 17]>'
    return f"{head}\nmain ({inputs}) => (float[1,16,32,32] y)\n{{\n   {body}\n}}\n"


def timed_model(metrics: Sequence[str], rows: Rows) -> RlmRegressor:
    """Default model on these metrics, trained for a few steps."""
    few = rows.train[:200]
    model = RlmRegressor(n_steps=10)
    model.fit(rows.texts(few), rows.labels(few))
    model.predict(rows.texts(rows.development[:64]), metrics)
    return model


def ours_speed() -> dict[str, Any]:
    """Text to numbers for two metrics, by batch, medians of turns; peak memory of all."""
    rows = Rows(METRICS[:2])
    model = timed_model(METRICS[:2], rows)
    texts = rows.texts(rows.test)
    different = list(dict.fromkeys(texts))
    sizes = (1, 10, 100, 1000, N_TEST)
    asked = {**{str(size): texts[:size] for size in sizes}, "different": different}
    turns: dict[str, list[float]] = {name: [] for name in asked}
    for _ in range(N_TURNS):
        for name, own in asked.items():
            forget()
            turns[name].append(len(own) / seconds(lambda own=own: model.predict(own)))
    rates = {name: float(np.median(found)) for name, found in turns.items()}
    return {
        "per_second_by_batch": {str(size): rates[str(size)] for size in sizes},
        "range_of_turns": {name: [min(found), max(found)] for name, found in turns.items()},
        "peak_mb": peak_mb(),
        "n_rows": len(texts),
        "n_different": len(different),
        "different_per_second": rates["different"],
    }


def ours_metrics() -> dict[str, Any]:
    """Text to numbers by the number of metrics, one by one and as a chain; different texts."""
    alone, chain = {}, {}
    for count in (1, 2, 5):
        rows = Rows(METRICS[:count])
        texts = list(dict.fromkeys(rows.texts(rows.test[:3000])))
        model = timed_model(METRICS[:count], rows)
        forget()
        alone[str(count)] = len(texts) / seconds(lambda m=model, t=texts: m.predict(t))
        forget()
        taken = seconds(lambda m=model, t=texts: m.predict(t[:200], decoding="chain"))
        chain[str(count)] = 200 / taken
    return {"alone_per_second": alone, "chain_per_second": chain}


def ours_statements() -> dict[str, Any]:
    """One text of so many statements, encoded and decoded by all members."""
    model = timed_model(METRICS[:1], Rows(METRICS[:1]))
    taken, memory = {}, {}
    for length in (32, 64, 128, 250, 500, 1000, 2000):
        text = deep_text(length)
        model.predict([deep_text(length + 4)])
        forget()
        taken[str(length)] = seconds(lambda text=text: model.predict([text]))
        memory[str(length)] = peak_mb()
    return {"seconds": taken, "peak_mb": memory}


def ours_training() -> dict[str, Any]:
    """Seconds of training until tau reaches the goal: steps chosen on development rows."""
    rows = Rows([ACCURACY])

    def tau(model: RlmRegressor, of: Any) -> float:
        guess = model.predict(rows.texts(of))[ACCURACY].mean
        return float(kendall_tau(guess, [row[ACCURACY] for row in rows.labels(of)]))

    texts, labels = rows.texts(rows.train), rows.labels(rows.train)
    tried: list[dict[str, float]] = []
    model = RlmRegressor()
    for n_steps in (25, 50, 100, 200, 400):
        model = RlmRegressor(n_steps=n_steps, n_members=1)
        forget()
        taken = seconds(lambda m=model: m.fit(texts, labels, seed=0))
        reached = tau(model, rows.development)
        tried.append({"steps": n_steps, "seconds": taken, "development_tau": reached})
        if reached >= TAU:
            break
    return {
        "tried": tried,
        "tau": tau(model, rows.test[:N_SCORED]),
        "n_scored": N_SCORED,
        "n_rows": N_TRAIN,
    }


def peer_model(texts: Sequence[str], max_tokens: int | None = None) -> tuple[Any, int]:
    """regress-lm with its default architecture and a vocabulary of the texts.

    Args:
        texts: What the vocabulary is learned from.
        max_tokens: Length of its input; None for the longest of the texts.

    Returns:
        The model and the length of its input.
    """
    from regress_lm import rlm, vocabs

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "corpus.txt").write_text("\n".join(texts), encoding="utf-8")
        vocabulary = vocabs.SentencePieceVocab.from_corpus(
            folder / "corpus.txt", model_prefix=folder / "vocabulary"
        )
    if max_tokens is None:
        max_tokens = max(len(vocabulary.to_token_ids(text)) for text in texts)
    model = rlm.RegressLM.from_scratch(encoder_vocab=vocabulary, max_input_len=max_tokens)
    model.model.eval()
    return model, max_tokens


def peer_draws(model: Any, texts: Sequence[str], n_samples: int = N_SAMPLES) -> Any:
    """Texts to sampled numbers."""
    from regress_lm import core

    inputs = [core.ExampleInput(x=text) for text in texts]
    with torch.no_grad():
        return model.model.decode(model.model.converter.convert_inputs(inputs), n_samples)[1]


def cell_of(text: str) -> str:
    """The shortest text that still tells networks apart: the function that is the cell."""
    return max(text.split("\n}\n<\n")[1:] or [text], key=len)


def peer_speed() -> dict[str, Any]:
    """Its defaults and its kindest input, on the first test rows; peak memory; growth."""
    rows = Rows(METRICS[:2])
    train, test = rows.texts(rows.train[:200]), rows.texts(rows.test[:4])
    default, _ = peer_model(train, 2048)
    peer_draws(default, test[:1], 1)
    default_seconds = seconds(lambda: peer_draws(default, test[:1]))
    peak = peak_mb()
    cells = [cell_of(text) for text in (*train, *test)]
    kindest, n_tokens = peer_model(cells)
    peer_draws(kindest, cells[:1], 1)
    growth = {}
    for tokens in (256, 512, 1024, 2048):
        model, _ = peer_model(train[:50], tokens)
        growth[str(tokens)] = seconds(lambda model=model: peer_draws(model, test[:1], 8))
    return {
        "parameters": sum(weight.numel() for weight in default.model.parameters()),
        "default_per_second": 1 / default_seconds,
        "peak_mb": peak,
        "kindest_tokens": n_tokens,
        "kindest_per_second": 4 / seconds(lambda: peer_draws(kindest, cells[-4:])),
        "seconds_of_one_by_tokens_8_samples": growth,
    }


def peer_training() -> dict[str, Any]:
    """Steps of 16 cells in a limited time, and tau on a few test rows afterwards."""
    from regress_lm import core

    rows = Rows([ACCURACY])
    cells = [cell_of(text) for text in rows.texts(rows.train)]
    model, n_tokens = peer_model(cells)
    examples = [
        core.Example(x=cell, y=row[ACCURACY])
        for cell, row in zip(cells, rows.labels(rows.train), strict=True)
    ]
    optimizer = torch.optim.AdamW(model.model.parameters(), 1e-4)
    rng, start, n_steps = np.random.default_rng(0), time.perf_counter(), 0
    model.model.train()
    while time.perf_counter() - start < PEER_SECONDS:
        chosen = [examples[k] for k in rng.integers(N_TRAIN, size=16)]
        batch = model.model.converter.convert_examples(chosen)
        optimizer.zero_grad()
        model.model.compute_losses_and_metrics(batch)[0].mean().backward()
        optimizer.step()
        n_steps += 1
    taken = time.perf_counter() - start
    model.model.eval()
    few = rows.test[:24]
    drawn = peer_draws(model, [cell_of(text) for text in rows.texts(few)], 16)
    guess = np.median(np.asarray(drawn, dtype=np.float64).reshape(len(few), -1), axis=1)
    tau = float(kendall_tau(guess, [row[ACCURACY] for row in rows.labels(few)]))
    return {"steps": n_steps, "seconds": taken, "tau_24_rows": tau, "tokens": n_tokens}


PARTS: dict[str, Callable[[], dict[str, Any]]] = {
    "peer_speed": peer_speed,  # first: what is missing shows at once
    "peer_training": peer_training,
    "ours_speed": ours_speed,
    "ours_metrics": ours_metrics,
    "ours_statements": ours_statements,
    "ours_training": ours_training,
}


def run_part(name: str, options: argparse.Namespace) -> dict[str, Any]:
    """Run one part in a process of its own."""
    command = [sys.executable, __file__, "--part", name, "--threads", str(options.threads)]
    if options.regress_lm:
        command += ["--regress-lm", str(options.regress_lm)]
    environment = os.environ | {"OMP_NUM_THREADS": str(options.threads)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        raise SystemExit(f"Part {name} failed:\n{done.stderr[-4000:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    print(name, json.dumps(found, indent=1), flush=True)
    return found


def checkout_commit(folder: Path) -> str:
    """Commit of a checkout, or a word for a folder without history."""
    command = ["git", "-C", str(folder), "rev-parse", "--short", "HEAD"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return f"at {done.stdout.strip()}" if done.returncode == 0 else "of unknown commit"


def main() -> None:
    """Run all parts, or one of them."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--regress-lm", type=Path, help="a checkout of google-deepmind/regress-lm")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--part", choices=list(PARTS))
    options = parser.parse_args()
    peer = options.regress_lm
    if peer and not (peer / "regress_lm" / "rlm.py").is_file():
        parser.error(
            f"--regress-lm must be a checkout of regress-lm, but {peer} has no regress_lm/rlm.py. "
            "Get one: git clone https://github.com/google-deepmind/regress-lm"
        )
    torch.set_num_threads(options.threads)
    if options.part:
        if peer:
            sys.path.insert(0, str(peer.resolve()))
        print(json.dumps(PARTS[options.part]()))
        return
    results: dict[str, Any] = {
        "machine": current_machine(),
        "load": round(os.getloadavg()[0], 1),
        "commit": current_commit(),
        "n_samples": N_SAMPLES,
        "goal_tau": TAU,
    }
    if peer:
        results["regress_lm"] = checkout_commit(peer)
    for name in PARTS:
        if peer or not name.startswith("peer"):
            results[name] = run_part(name, options)
    write_atomically(HERE / "regress_lm.json", (json.dumps(results, indent=1) + "\n").encode())
    update_document(HERE.parent / "README.md", "speed", document(results))


if __name__ == "__main__":
    main()
