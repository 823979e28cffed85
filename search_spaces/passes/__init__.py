"""Canonicalisation passes: one idea a module, each a pure function on graph bodies.

The main graph and every model-local function are bodies (`search_spaces.graph.Function`), so a
pass is written once. `search_spaces.canonical` puts the passes together.
"""
