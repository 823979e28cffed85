"""Search of architectures by predictions: the job, the walk, the outcome."""
