"""What networks of several surrogates share."""
