"""Graph neural networks on the statement graph."""
