"""Published tables of trained accuracies, read from packages that a user installs."""
