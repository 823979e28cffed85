"""What a text costs: characters, statements and export rate of every space, against flat export.

    python experiments/export/run.py [--space NAME ...] [--architectures N]

"Ours" is canonical text with functions; "flat" the same network with its functions inlined, as
other exporters write it. Characters and statements are medians over sampled architectures, rates
are architectures a second of CPU time on one core, the median over tenths of them, each space in a
process of its own (flat: functions inlined, canonicalised, printed, over a twentieth of the
architectures).

One network of every space, the first of those, goes through ``torch.onnx.export`` too. Its torch
module is `OnnxNetwork`, which computes a materialized model with one torch function for each
operator and gives the outputs of onnxruntime. So BatchNorms are folded already and weights have
short names; a network written by hand in torch has longer ones and more statements, as the
NAS-Bench-201 network below shows. Texts are the official printer's without the values of the
weights. Figures go to results.json beside this file and to the tables in experiments/README.md.
"""

import argparse
import io
import json
import os
import time
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import onnx
import onnx.inliner
import onnx.printer
import torch
from torch import nn

from nas_rlm.atomic_files import write_atomically
from nas_rlm.comparison.results import current_commit, current_machine
from nas_rlm.comparison.tables import update_document
from nas_rlm.zero_cost.network import OnnxNetwork
from search_spaces import SPACES, SearchSpace, get_space, materialize, to_text

HERE = Path(__file__).resolve().parent
CELL = "|nor_conv_3x3~0|+|nor_conv_1x1~0|nor_conv_3x3~1|+|skip_connect~0|avg_pool_3x3~1|nor_conv_3x3~2|"
"""The NAS-Bench-201 cell that is written in torch below."""
N_EXPORTS = 2
"""Exports through torch that a rate is measured on."""

N_PARTS = 10
"""Parts of the sampled architectures, each timed by itself."""


class ConvBlock(nn.Sequential):
    """ReLU, convolution, BatchNorm."""

    def __init__(self, c_in: int, c_out: int, kernel: int, stride: int = 1) -> None:
        super().__init__(
            nn.ReLU(),
            nn.Conv2d(c_in, c_out, kernel, stride, kernel // 2, bias=False),
            nn.BatchNorm2d(c_out),
        )


class Cell(nn.Module):
    """The cell `CELL`."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = ConvBlock(channels, channels, 3)
        self.second = ConvBlock(channels, channels, 1)
        self.third = ConvBlock(channels, channels, 3)
        self.pool = nn.AvgPool2d(3, 1, 1, count_include_pad=False)
        self.fourth = ConvBlock(channels, channels, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Compute the last node."""
        one = self.first(x)
        two = self.second(x) + self.third(one)
        return x + self.pool(one) + self.fourth(two)


class Reduction(nn.Module):
    """The residual block of stride 2."""

    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__()
        self.body = nn.Sequential(ConvBlock(c_in, c_out, 3, 2), ConvBlock(c_out, c_out, 3))
        self.shortcut = nn.Sequential(nn.AvgPool2d(2, 2), nn.Conv2d(c_in, c_out, 1, bias=False))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Add body and shortcut."""
        return self.body(x) + self.shortcut(x)


class Network(nn.Sequential):
    """The whole NAS-Bench-201 network for CIFAR-10."""

    def __init__(self) -> None:
        parts: list[nn.Module] = [nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16)]
        for stage, channels in enumerate((16, 32, 64)):
            if stage:
                parts.append(Reduction(channels // 2, channels))
            parts += [Cell(channels) for _ in range(5)]
        parts += [nn.BatchNorm2d(64), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
        super().__init__(*parts, nn.Linear(64, 10))


def torch_model(network: nn.Module, image: Sequence[int]) -> onnx.ModelProto:
    """Export through torch and drop the values of the weights."""
    stream = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(network, (torch.zeros(*image),), stream, dynamo=False)
    model = onnx.load_from_string(stream.getvalue())
    del model.graph.initializer[:]
    return model


def printed(model: onnx.ModelProto) -> str:
    """Print with the official printer."""
    text: str = onnx.printer.to_text(model)
    return text


def statements_of(model: onnx.ModelProto) -> int:
    """Count statements, those of a function once."""
    return len(model.graph.node) + sum(len(function.node) for function in model.functions)


def flat_text(model: onnx.ModelProto) -> str:
    """Canonical text without functions."""
    return to_text(onnx.inliner.inline_local_functions(model))


def rate(function: Callable[[Any], object], items: Sequence[Any]) -> float:
    """Return calls a second of CPU time."""
    start = time.process_time()
    for item in items:
        function(item)
    return len(items) / max(time.process_time() - start, 1e-9)


def measure(name: str, n: int) -> dict[str, Any]:
    """Measure one space."""
    space = get_space(name)
    rng = np.random.default_rng(0)
    architectures = [space.sample(rng) for _ in range(n)]
    warm_up = max(n // 10, 1)
    rate(space.to_text, [space.sample(rng) for _ in range(warm_up)])
    ours = median([rate(space.to_text, architectures[part::N_PARTS]) for part in range(N_PARTS)])
    few = architectures[: max(n // 20, 1)]
    models = [space.to_onnx(architecture) for architecture in few]
    flat = rate(lambda item: flat_text(space.to_onnx(item)), few)
    flat_models = [onnx.inliner.inline_local_functions(model) for model in models]
    return {
        "space": name,
        "architectures": n,
        "characters": int(median(len(space.to_text(item)) for item in few)),
        "statements": int(median(map(statements_of, models))),
        "statements_max": max(map(statements_of, models)),
        "rate": round(ours, 1),
        "flat_characters": int(median(len(flat_text(model)) for model in models)),
        "flat_statements": int(median(map(statements_of, flat_models))),
        "flat_rate": round(flat, 1),
        "one": measure_one(
            space, architectures[0], OnnxNetwork(materialize(models[0], seed=0)).eval()
        ),
    }


def measure_one(space: SearchSpace[Any], architecture: Any, network: nn.Module) -> dict[str, Any]:
    """Measure one network, ours and through torch."""
    model = space.to_onnx(architecture)
    image = [dim.dim_value for dim in model.graph.input[0].type.tensor_type.shape.dim]
    exported = torch_model(network, image)
    return {
        "architecture": space.format(architecture),
        "characters": len(space.to_text(architecture)),
        "statements": statements_of(model),
        "flat_characters": len(flat_text(model)),
        "flat_statements": statements_of(onnx.inliner.inline_local_functions(model)),
        "torch_characters": len(printed(exported)),
        "torch_statements": statements_of(exported),
        "torch_rate": round(
            rate(lambda item: printed(torch_model(item, image)), [network] * N_EXPORTS), 2
        ),
    }


def measure_by_hand() -> dict[str, Any]:
    """Measure the NAS-Bench-201 network that is written in torch above."""
    space, network = get_space("nasbench201"), Network().eval()
    cell = space.parse(CELL)
    own = sum(weight.numel() for weight in network.parameters())
    if own != space.published_counts(cell).parameters:
        message = f"The torch network has {own} parameters; it is not the one of the cell."
        raise SystemExit(message)
    return measure_one(space, cell, network)


def table(results: dict[str, Any]) -> str:
    """Return the table for the document."""
    lines = [
        "| space | characters | statements (most) | texts a second | flat: characters | statements | a second |",
        "|---|---|---|---|---|---|---|",
        *(
            f"| `{row['space']}` | {row['characters']:,} | {row['statements']} "
            f"({row['statements_max']}) | {row['rate']:,.0f} | {row['flat_characters']:,} | "
            f"{row['flat_statements']} | {row['flat_rate']:,.0f} |"
            for row in results["rows"]
        ),
    ]
    lines += [
        "",
        "One network of every space, the first random one, against `torch.onnx.export` (torch "
        f"{results['torch_version']}, weights without values) of a module that computes the "
        "same graph with one torch function for each operator, BatchNorms folded:",
        "",
        "| space | characters | statements | flat: characters | statements "
        "| torch: characters | statements | a second |",
        "|---|---|---|---|---|---|---|---|",
        *(f"| `{row['space']}` | {_cells(row['one'])} |" for row in results["rows"]),
        f"| `nasbench201`, by hand | {_cells(results['by_hand'])} |",
        "",
        f"The last row is `{results['by_hand']['architecture'].replace('|', chr(92) + '|')}`, "
        "written by hand as torch modules with BatchNorms.",
        "",
        f"CPU time of one core; {results['machine']}; load average {results['load']} when it "
        f"started (other programs slow these figures); commit {results['commit']}.",
    ]
    return "\n".join(lines)


def _cells(one: dict[str, Any]) -> str:
    """Return the figures of one network as cells of a table."""
    keys = ("characters", "statements")
    counts = [one[f"{kind}{key}"] for kind in ("", "flat_", "torch_") for key in keys]
    return " | ".join([*[f"{count:,}" for count in counts], f"{one['torch_rate']:.1f}"])


def _in_a_process(function: Callable[..., dict[str, Any]], *arguments: object) -> dict[str, Any]:
    """Call a function in a process of its own, in which no other space is remembered."""
    with ProcessPoolExecutor(
        1, mp_context=get_context("spawn"), initializer=_warm_torch_up
    ) as pool:
        return pool.submit(function, *arguments).result()


def _warm_torch_up() -> None:
    """Load what the first export of a process loads."""
    torch.set_num_threads(1)
    torch_model(nn.Conv2d(3, 3, 1), (1, 3, 8, 8))


def main() -> None:
    """Measure, store, write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--space", action="append", choices=list(SPACES))
    parser.add_argument("--architectures", type=int, default=400)
    options = parser.parse_args()
    names = options.space or list(SPACES)
    load = round(os.getloadavg()[0], 1)
    rows = []
    for index, name in enumerate(names, start=1):
        rows.append(_in_a_process(measure, name, options.architectures))
        print(f"{index}/{len(names)} {name}: {rows[-1]['rate']:,.0f} texts a second", flush=True)
    results = {
        "protocol": "export",
        "commit": current_commit(),
        "machine": current_machine(),
        "load": load,
        "torch_version": torch.__version__.partition("+")[0],
        "rows": rows,
        "by_hand": _in_a_process(measure_by_hand),
    }
    print(table(results))
    if not options.space:  # a part of the spaces is a trial
        write_atomically(HERE / "results.json", (json.dumps(results, indent=1) + "\n").encode())
        update_document(HERE.parent / "README.md", "export", table(results))


if __name__ == "__main__":
    main()
