"""What the three GENNAPE families share: operations with ReLU6, and how they are counted."""
