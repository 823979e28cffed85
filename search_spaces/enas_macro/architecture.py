"""An ENAS macro architecture of six layers and its published strings.

Layer i has an operation and i bits, one for every earlier value: bit 0 is the stem, bit j the
result of layer j - 1 (counted from 0). The result of the layer right before, the last one before
the operation, is its input and has no bit.

The published string is the flat list of layers, ``op bit bit ...`` with spaces; D-VAE's data file
holds the same numbers as a nested list, which is read too.

Source:
    "Efficient Neural Architecture Search via Parameters Sharing", ICML 2018, arXiv:1802.03268;
    "D-VAE: A Variational Autoencoder for Directed Acyclic Graphs", NeurIPS 2019, arXiv:1904.11088;
    ``util.py`` and ``software/enas`` of https://github.com/muhanzhang/D-VAE.
"""

import re
from dataclasses import dataclass

from search_spaces.errors import InvalidArchitectureError

__all__ = ["N_LAYERS", "OPS", "EnasArchitecture"]

OPS = ("conv_3x3", "sep_conv_3x3", "conv_5x5", "sep_conv_5x5", "avg_pool_3x3", "max_pool_3x3")
"""Operations in the order of the published numbers."""
N_LAYERS = 6

_NESTED = re.compile(r"\[\s*\[[0-9,\s]*\](?:\s*,\s*\[[0-9,\s]*\])*\s*\]")
_ROW = re.compile(r"\[([0-9,\s]*)\]")
_FLAT = re.compile(r"[0-9](?:\s+[0-9])*")


@dataclass(frozen=True, slots=True)
class EnasArchitecture:
    """One architecture.

    Attributes:
        ops: Six operation names.
        skips: For layer i, i bits: which earlier values are added to the operation's result.
    """

    ops: tuple[str, ...]
    skips: tuple[tuple[int, ...], ...]

    def __post_init__(self) -> None:
        if len(self.ops) != N_LAYERS or len(self.skips) != N_LAYERS:
            raise InvalidArchitectureError(
                f"ENAS macro architecture must have {N_LAYERS} layers, but got "
                f"{len(self.ops)} ops and {len(self.skips)} lists of skips."
            )
        for op in self.ops:
            if op not in OPS:
                raise InvalidArchitectureError(
                    f"ENAS macro op must be one of {', '.join(OPS)}, but got {op!r}."
                )
        for layer, bits in enumerate(self.skips):
            if len(bits) != layer or not set(bits) <= {0, 1}:
                raise InvalidArchitectureError(
                    f"ENAS macro layer {layer} must have {layer} skip bits, but got {bits!r}."
                )

    @classmethod
    def parse(cls, string: str) -> "EnasArchitecture":
        """Read ``1 4 0 5 0 0 ...`` or ``[[1], [4, 0], [5, 0, 0], ...]``.

        Raises:
            InvalidArchitectureError: If the string has another form or an unknown operation.
        """
        stripped = string.strip()
        if _NESTED.fullmatch(stripped):
            rows = [re.findall(r"[0-9]+", row) for row in _ROW.findall(stripped)]
        elif _FLAT.fullmatch(stripped):
            numbers = stripped.split()
            starts = [layer * (layer + 1) // 2 for layer in range(N_LAYERS)]
            rows = [numbers[start : start + i + 1] for i, start in enumerate(starts[:-1])]
            rows.append(numbers[starts[-1] :])
        else:
            rows = []
        if [len(row) for row in rows] != list(range(1, N_LAYERS + 1)):
            raise InvalidArchitectureError(
                "ENAS macro string must be 'op op bit op bit bit ...', 21 numbers for 6 layers, "
                f"but got {string[:200]!r}."
            )
        ops = [OPS[int(row[0])] if int(row[0]) < len(OPS) else row[0] for row in rows]
        return cls(tuple(ops), tuple(tuple(map(int, row[1:])) for row in rows))

    def __str__(self) -> str:
        """Return the flat string."""
        layers = zip(self.ops, self.skips, strict=True)
        return " ".join(str(n) for op, bits in layers for n in (OPS.index(op), *bits))
