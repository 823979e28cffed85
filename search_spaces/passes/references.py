"""Name the attributes of a function after what they set, whatever they were called.

An attribute is named as the operator names what it sets: the one that a ``Conv`` uses as its
``group`` is ``group``. Where two would share a name, the later one, in statement order, gets a
number. The order of statements therefore must not depend on the old names: statements are ordered
as if every reference were called after the attribute that it sets.
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache

from search_spaces.graph import Attributes, Function, Reference
from search_spaces.graph_printer import statement_head
from search_spaces.passes.colours import label
from search_spaces.passes.structural_order import order_by_structure

__all__ = [
    "name_references",
    "order_with_references",
    "reference_names",
    "rename_references",
    "statement_colour",
]


def order_with_references(body: Function, leaf_colours: Mapping[str, int]) -> Function:
    """Order a body as `order_by_structure` does, blind to the names of the attributes."""
    if not body.references():
        return order_by_structure(body, leaf_colours)
    attributes = {node.outputs[0]: node.attributes for node in body.nodes}
    blind = [node._replace(attributes=_blind(node.attributes)) for node in body.nodes]
    ordered = order_by_structure(body._replace(nodes=tuple(blind)), leaf_colours)
    nodes = [node._replace(attributes=attributes[node.outputs[0]]) for node in ordered.nodes]
    return ordered._replace(nodes=tuple(nodes))


@lru_cache(maxsize=16_384)
def statement_colour(op: str, attributes: Attributes) -> int:
    """Hash operator and attributes, blind to the names of references."""
    return label(statement_head(op, _blind(attributes)))


def _blind(attributes: Attributes) -> Attributes:
    """Call every reference after the attribute that it sets."""
    return tuple(
        [
            (name, Reference(name, value.kind) if isinstance(value, Reference) else value)
            for name, value in attributes
        ]
    )


def name_references(body: Function) -> tuple[Function, dict[str, str]]:
    """Rename the attributes of a function.

    Args:
        body: In canonical order.

    Returns:
        The renamed body, and the new name of every attribute that it uses.
    """
    renamed = reference_names([node.attributes for node in body.nodes])
    if all(old == new for old, new in renamed.items()):
        return body, renamed
    nodes = [
        node._replace(attributes=rename_references(node.attributes, renamed))
        for node in body.nodes
    ]
    return body._replace(nodes=tuple(nodes)), renamed


def reference_names(statements: Iterable[Attributes]) -> dict[str, str]:
    """Return the new name of every attribute of a function, statement by statement."""
    renamed: dict[str, str] = {}
    taken: set[str] = set()
    for attributes in statements:
        for name, value in attributes:
            if isinstance(value, Reference) and value.name not in renamed:
                unique, number = name, 1
                while unique in taken:
                    unique, number = f"{name}{number}", number + 1
                taken.add(unique)
                renamed[value.name] = unique
    return renamed


def rename_references(attributes: Attributes, renamed: Mapping[str, str]) -> Attributes:
    """Rename the attributes of the function that a statement refers to."""
    return tuple(
        [
            (name, Reference(renamed[value.name], value.kind))
            if isinstance(value, Reference)
            else (name, value)
            for name, value in attributes
        ]
    )
