"""The Regression Language Model: statements in, numbers digit by digit out."""
