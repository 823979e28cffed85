"""What every learned surrogate reads: statements, their tokens, padded batches."""
