"""Training: `fit` in ``loop``, each of its concerns in a file of its own; `sweep`; `check_up`."""
