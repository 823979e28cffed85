"""What is kept of a block that `search_spaces.graph_builder` wrote as a function.

A block is run once for some shapes and settings; whoever calls it again appends what stands here.
"""

from collections.abc import Mapping
from functools import lru_cache
from itertools import count
from typing import NamedTuple

from search_spaces.graph import Attributes, Function, ValueType

__all__ = ["Call", "Trace", "function_name"]


class Trace(NamedTuple):
    """A block traced at some shapes.

    Attributes:
        name: Name of the function.
        op: Operator of the call.
        attributes: Attributes that the call must give, sorted.
        weights: Types of the weights.
        shapes: Shapes of the outputs.
        is_tuple: Whether the block returns a tuple.
        functions: The function and those it calls.
    """

    name: str
    op: str
    attributes: tuple[str, ...]
    weights: tuple[ValueType, ...]
    shapes: tuple[tuple[int, ...], ...]
    is_tuple: bool
    functions: Mapping[str, Function]


class Call(NamedTuple):
    """A call of a block, for inputs of known shapes: the trace, and the attributes it gives."""

    trace: Trace
    attributes: Attributes


_numbers = count()


@lru_cache(maxsize=4_096)
def function_name(block_name: str, function: Function) -> str:  # noqa: ARG001 - the key
    """Number a function; equal functions share a name, as long as it is remembered."""
    return f"{block_name.strip('_<>')}_{next(_numbers)}"
