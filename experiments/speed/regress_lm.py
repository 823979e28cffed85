"""The protocol ``speed``: ours and regress-lm on the same rows, one machine, one run.

``python experiments/speed/regress_lm.py`` takes some minutes on two quiet cores. It writes
``regress_lm.json`` and the tables of the experiments page. Each part runs in a process of its own,
one after the other, so that its peak memory is its own.

regress-lm is installed into a temporary folder from its repository, or from ``--source`` (a folder or
anything that pip takes). The package of that name on the package index is not it: it is by somebody
else and holds no code. Where it cannot be installed the tables say so. Its own vocabulary is a
download; here it learns one from the training texts, which gives shorter inputs. Neither side's
weights change its speed, so models that are only timed are trained for a few steps, or not at all.
"""

from __future__ import annotations

import argparse
import json
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

from nas_rlm.atomic_files import write_atomically
from nas_rlm.benchmark_rows import benchmark_rows
from nas_rlm.comparison.tables import update_document
from nas_rlm.evaluation.rank_metrics import kendall_tau
from nas_rlm.measure.device import current_environment
from search_spaces import get_space
from surrogates.rlm.regressor import RlmRegressor

SOURCE = (
    "git+https://github.com/google-deepmind/regress-lm@f85730da16a6aa0088750cf0b18992ea3993581c"
)
NEEDS = ("sentencepiece", "ordered-set", "absl-py")
HERE = Path(__file__).parent
ACCURACY = "accuracy_percent/cifar10"
DEVICES = ("pixel3", "gold_6226", "titan_rtx_1", "fpga")
METRICS = (ACCURACY, *(f"latency_ms/{device}" for device in DEVICES))
N_TRAIN, N_TEST = 1000, 2000
N_CANDIDATES = 10_000
TAU = 0.80
N_SAMPLES = 64


def rows(metrics: Sequence[str], n_rows: int) -> tuple[list[str], list[dict[str, float]]]:
    """Texts and labels of NAS-Bench-201; a smaller number gives the first of them."""
    found = benchmark_rows("nasbench201", list(metrics), n_rows=N_TRAIN + N_TEST, seed=0)
    return list(found.texts[:n_rows]), [dict(row) for row in found.labels[:n_rows]]


def candidates(n: int) -> list[str]:
    """Texts of random architectures, as a search meets them; some describe one network twice."""
    space, rng = get_space("nasbench201"), np.random.default_rng(1)
    return [space.to_text(space.sample(rng)) for _ in range(n)]


def seconds(work: Callable[[], object]) -> float:
    """Wall time of one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def forget() -> None:
    """Read the next texts anew: nothing that an earlier call read is remembered."""
    from surrogates.inputs import nodes, parsed_models, statements

    for module in (nodes, parsed_models, statements):
        for value in vars(module).values():
            if hasattr(value, "cache_clear"):
                value.cache_clear()


def peak_mb() -> float:
    """Peak memory of this process so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


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


def timed_model(metrics: Sequence[str]) -> RlmRegressor:
    """Default model on so many metrics, trained for a few steps."""
    texts, labels = rows(metrics, 200)
    settings = {"n_steps": 10, "n_members": RlmRegressor().settings.schedule(N_TRAIN).n_members}
    return RlmRegressor(**settings).fit(texts, labels)


def ours_speed() -> dict[str, Any]:
    """Text to numbers for two metrics, by batch; peak memory of the largest."""
    model = timed_model(METRICS[:2])
    texts = candidates(N_CANDIDATES)
    by_batch = {}
    model.predict(texts[:64])
    for size in (1, 10, 100, 1000, N_CANDIDATES):
        forget()
        by_batch[str(size)] = size / seconds(lambda size=size: model.predict(texts[:size]))
    different = len(set(texts))
    return {"per_second_by_batch": by_batch, "peak_mb": peak_mb(), "different": different}


def ours_metrics() -> dict[str, Any]:
    """Text to numbers by the number of metrics, one by one and as a chain."""
    texts = rows(METRICS[:2], N_TRAIN + N_TEST)[0][N_TRAIN:]
    alone, chain = {}, {}
    for count in (1, 2, 5):
        model = timed_model(METRICS[:count])
        model.predict(texts[:64])
        forget()
        alone[str(count)] = 2000 / seconds(lambda m=model: m.predict(texts[:2000]))
        forget()
        taken = seconds(lambda m=model: m.predict(texts[:200], decoding="chain"))
        chain[str(count)] = 200 / taken
    return {"alone_per_second": alone, "chain_per_second": chain}


def ours_statements() -> dict[str, Any]:
    """One text of so many statements, encoded and decoded by one member."""
    model = timed_model(METRICS[:1])
    taken, memory, lengths = {}, {}, (32, 64, 128, 250, 500, 1000, 2000)
    for length in lengths:
        text = deep_text(length)
        model.predict([deep_text(length + 4)])
        forget()
        taken[str(length)] = seconds(lambda text=text: model.predict([text]))
        memory[str(length)] = peak_mb()
    return {"seconds": taken, "peak_mb": memory}


def ours_training() -> dict[str, Any]:
    """Seconds of training with 1,000 rows until tau on other rows reaches the goal."""
    texts, labels = rows([ACCURACY], N_TRAIN + N_TEST)
    truth = [row[ACCURACY] for row in labels[N_TRAIN:]]
    tried = []
    for n_steps in (25, 50, 100, 200, 400):
        model = RlmRegressor(n_steps=n_steps, n_members=1)
        taken = seconds(lambda m=model: m.fit(texts[:N_TRAIN], labels[:N_TRAIN], seed=0))
        guess = model.predict(texts[N_TRAIN:])[ACCURACY].median
        tried.append({"steps": n_steps, "seconds": taken, "tau": float(kendall_tau(guess, truth))})
        if tried[-1]["tau"] >= TAU:
            break
    return {"tried": tried}


def peer_model(texts: Sequence[str], max_tokens: int) -> Any:
    """regress-lm with its default architecture and a vocabulary of the texts."""
    from regress_lm import rlm, vocabs

    folder = Path(tempfile.mkdtemp())
    (folder / "corpus.txt").write_text("\n".join(texts), encoding="utf-8")
    vocabulary = vocabs.SentencePieceVocab.from_corpus(
        folder / "corpus.txt", model_prefix=folder / "vocabulary"
    )
    model = rlm.RegressLM.from_scratch(encoder_vocab=vocabulary, max_input_len=max_tokens)
    model.model.eval()
    return model


def peer_seconds(model: Any, texts: Sequence[str], n_samples: int = N_SAMPLES) -> float:
    """Texts to sampled numbers."""
    from regress_lm import core

    inputs = [core.ExampleInput(x=text) for text in texts]

    def work() -> None:
        with torch.no_grad():
            model.model.decode(model.model.converter.convert_inputs(inputs), n_samples)

    return seconds(work)


def cell_of(text: str) -> str:
    """The shortest text that still tells networks apart: the function that is the cell."""
    return max(text.split("\n}\n<\n")[1:] or [text], key=len)


def peer_speed() -> dict[str, Any]:
    """Its defaults and its kindest input, on the first test rows; peak memory; growth."""
    texts = rows(METRICS[:2], N_TRAIN + N_TEST)[0]
    train, test = texts[:N_TRAIN], texts[N_TRAIN:]
    default = peer_model(train[:200], 2048)
    size = sum(weight.numel() for weight in default.model.parameters())
    found: dict[str, Any] = {"parameters": size, "default_per_second_by_batch": {}}
    for batch in (1, 2):
        taken = peer_seconds(default, test[:batch])
        found["default_per_second_by_batch"][str(batch)] = batch / taken
    found["peak_mb_batch_2"] = peak_mb()
    cells = [cell_of(text) for text in (*train[:200], *test[:4])]
    probe = peer_model(cells, 2048)
    longest = max(len(probe.model.cfg.encoder_vocab.to_token_ids(cell)) for cell in cells)
    kind = peer_model(cells, longest)
    peer_seconds(kind, cells[:1], 1)
    found["kindest_tokens"] = longest
    found["kindest_per_second"] = 4 / peer_seconds(kind, cells[-4:])
    found["seconds_of_one_by_tokens_8_samples"] = {
        str(tokens): peer_seconds(peer_model(train[:50], tokens), test[:1], 8)
        for tokens in (256, 512, 1024, 2048)
    }
    return found


def peer_training(limit: float) -> dict[str, Any]:
    """Seconds of a training step of 16 cells, and tau after as many as fit into the limit."""
    from regress_lm import core

    texts, labels = rows([ACCURACY], N_TRAIN + 24)
    cells = [cell_of(text) for text in texts]
    probe = peer_model(cells[:200], 2048)
    longest = max(len(probe.model.cfg.encoder_vocab.to_token_ids(cell)) for cell in cells)
    model = peer_model(cells[:200], longest)
    examples = [
        core.Example(x=cell, y=row[ACCURACY]) for cell, row in zip(cells, labels, strict=True)
    ]
    optimizer = torch.optim.AdamW(model.model.parameters(), 1e-4)
    rng, start, steps = np.random.default_rng(0), time.perf_counter(), 0
    model.model.train()
    while time.perf_counter() - start < limit:
        chosen = [examples[k] for k in rng.integers(N_TRAIN, size=16)]
        batch = model.model.converter.convert_examples(chosen)
        optimizer.zero_grad()
        model.model.compute_losses_and_metrics(batch)[0].mean().backward()
        optimizer.step()
        steps += 1
    taken = time.perf_counter() - start
    model.model.eval()
    with torch.no_grad():
        inputs = model.model.converter.convert_inputs(examples[N_TRAIN:])
        drawn = model.model.decode(inputs, 16)[1]
    guess = np.median(np.asarray(drawn).reshape(24, -1), axis=1)
    tau = float(kendall_tau(guess, [row[ACCURACY] for row in labels[N_TRAIN:]]))
    return {"steps": steps, "seconds": taken, "tau_24_rows": tau, "tokens": longest}


PARTS: dict[str, Callable[..., dict[str, Any]]] = {
    "ours_speed": ours_speed,
    "ours_metrics": ours_metrics,
    "ours_statements": ours_statements,
    "ours_training": ours_training,
    "peer_speed": peer_speed,
    "peer_training": peer_training,
}


def run_part(name: str, options: argparse.Namespace, peer: Path | None) -> dict[str, Any]:
    """Run one part in a process of its own."""
    if name.startswith("peer") and peer is None:
        return {"missing": f"regress-lm could not be installed from {options.source}"}
    command = [sys.executable, __file__, "--part", name, "--threads", str(options.threads)]
    command += ["--train-seconds", str(options.train_seconds)]
    command += ["--peer", str(peer)] if peer else []
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"Part {name} failed:\n{done.stderr}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    print(name, json.dumps(found, indent=1), file=sys.stderr)
    return found


def install(source: str, folder: Path) -> Path | None:
    """Install regress-lm and what it needs beside torch; None if that fails."""
    for wanted in ((source,), NEEDS):
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
        done = subprocess.run([*command, "--target", str(folder), *wanted], check=False)
        if done.returncode:
            return None
    return folder


def document(results: dict[str, Any]) -> str:
    """The tables of the experiments page."""
    ours, peer = results["ours_speed"], results["peer_speed"]
    best = ours["per_second_by_batch"][str(N_CANDIDATES)]
    lines = [
        "| text to two metrics, NAS-Bench-201 | architectures a second | ours is faster by | peak MB |",
        "| --- | --- | --- | --- |",
        f"| ours, {N_CANDIDATES:,} at once, {ours['different']:,} different | {best:,.0f} | | {ours['peak_mb']:,.0f} |",
    ]
    if "missing" in peer:
        lines.append(f"| regress-lm | {peer['missing']} | | |")
    else:
        default = max(peer["default_per_second_by_batch"].values())
        kindest = peer["kindest_per_second"]
        lines += [
            f"| regress-lm, defaults (2,048 tokens, {N_SAMPLES} samples) | {default:.3f} | "
            f"{best / default:,.0f} (goal 10,000) | {peer['peak_mb_batch_2']:,.0f} |",
            f"| regress-lm, the cell alone ({peer['kindest_tokens']} tokens) | {kindest:.3f} | "
            f"{best / kindest:,.0f} (goal 2,000) | |",
        ]
    last = results["ours_training"]["tried"][-1]
    lines += [
        "",
        f"Training on {N_TRAIN:,} accuracies: ours reaches tau {last['tau']:.3f} on 2,000 other "
        f"rows after {last['seconds']:.1f} s ({last['steps']} steps, one member).",
    ]
    trained = results["peer_training"]
    if "missing" not in trained:
        lines[-1] += (
            f" regress-lm did {trained['steps']} steps of 16 cells in {trained['seconds']:.0f} s "
            f"and is then at tau {trained['tau_24_rows']:.2f} (24 rows)."
        )
    for title, unit, values in (
        ("batch", "architectures a second", ours["per_second_by_batch"]),
        (
            "metrics, each alone",
            "architectures a second",
            results["ours_metrics"]["alone_per_second"],
        ),
        ("metrics, chain", "architectures a second", results["ours_metrics"]["chain_per_second"]),
        ("statements of one text", "ms", _in_ms(results["ours_statements"]["seconds"])),
    ):
        lines += ["", f"| {title} | {' | '.join(values)} |", "| --- |" + " --- |" * len(values)]
        lines.append(f"| {unit} | {' | '.join(f'{v:,.0f}' for v in values.values())} |")
    machine = results["machine"]
    lines += [
        "",
        f"{machine['cpu_model']}, {machine['threads']} threads, commit {machine['commit']}.",
    ]
    return "\n".join(lines)


def _in_ms(values: dict[str, float]) -> dict[str, float]:
    return {name: 1000.0 * value for name, value in values.items()}


def main() -> None:
    """Run all parts, or one of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--source", default=SOURCE, help="where pip finds regress-lm")
    parser.add_argument("--peer", type=Path, help="folder where regress-lm is installed")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--train-seconds", type=float, default=60.0)
    parser.add_argument("--part", choices=sorted(PARTS))
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    if options.part:
        if options.peer:
            sys.path.append(str(options.peer))
        needs_limit = options.part == "peer_training"
        arguments = [options.train_seconds] if needs_limit else []
        print(json.dumps(PARTS[options.part](*arguments)))
        return
    with tempfile.TemporaryDirectory() as folder:
        peer = options.peer or install(options.source, Path(folder))
        results = {name: run_part(name, options, peer) for name in PARTS}
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],
        capture_output=True,
        text=True,
        cwd=HERE,
        check=True,
    )
    results["machine"] = {
        "cpu_model": current_environment().cpu_model,
        "threads": options.threads,
        "commit": commit.stdout.strip(),
    }
    content = json.dumps(results, indent=1) + "\n"
    write_atomically(HERE / "regress_lm.json", content.encode())
    update_document(HERE.parent / "README.md", "speed", document(results))


if __name__ == "__main__":
    main()
