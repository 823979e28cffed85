"""How fast architectures become text: rows for every stage and space, one core, one run.

    python experiments/speed/text_speed.py [n_architectures] [space ...]

Every rate is architectures a second of CPU time, and beside it the ratio to the general way to the
same text: canonicalising an `onnx.ModelProto` and printing it with `onnx.printer`.
"""

import argparse
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import onnx.printer

from search_spaces import SPACES, canonicalize, count, from_text, get_space, materialize


def rate(function: Callable[[Any], object], items: Sequence[Any]) -> float:
    """Return calls a second of CPU time, over all items once."""
    start = time.process_time()
    for item in items:
        function(item)
    return len(items) / (time.process_time() - start)


def measure(name: str, n_architectures: int) -> list[tuple[str, float]]:
    """Measure every stage of one space on fresh architectures."""
    space = get_space(name)
    rng = np.random.default_rng(0)
    architectures = [space.sample(rng) for _ in range(n_architectures)]
    few = architectures[: max(n_architectures // 10, 1)]
    rows = [("export to canonical text, new architectures", rate(space.to_text, architectures))]
    rows.append(("export to canonical text, again", rate(space.to_text, architectures)))
    texts = [space.to_text(architecture) for architecture in architectures]
    models = [space.to_onnx(architecture) for architecture in few]
    rows.append(("export to ModelProto", rate(space.to_onnx, few)))
    rows.append(("parse text", rate(from_text, texts)))
    rows.append(
        ("canonicalise and print ModelProto", rate(_canonical_text, models)),
    )
    rows.append(("count", rate(count, models)))
    rows.append(("materialize", rate(lambda model: materialize(model, 0), models)))
    lengths = [len(text) for text in texts]
    statements = [text.count("\n   ") - 2 for text in texts]
    print(
        f"\n{name}: {np.mean(lengths):.0f} characters (at most {max(lengths)}), "
        f"{np.mean(statements):.1f} statements (at most {max(statements)})"
    )
    return rows


def _canonical_text(model: onnx.ModelProto) -> str:
    """Take the slow way from a model to its text."""
    text: str = onnx.printer.to_text(canonicalize(model))
    return text


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("n_architectures", nargs="?", type=int, default=500)
    parser.add_argument("spaces", nargs="*", default=["nasbench201", "fbnet"], metavar="space")
    arguments = parser.parse_args()
    for name in arguments.spaces:
        if name not in SPACES:
            parser.error(f"unknown space {name!r}; known: {', '.join(SPACES)}")
        rows = measure(name, arguments.n_architectures)
        slow = dict(rows)["canonicalise and print ModelProto"]
        for label, value in rows:
            print(f"  {label:<46}{value:>10.0f} /s {value / slow:>8.2f} x")


if __name__ == "__main__":
    main()
