"""Training: `fit` in ``loop``, each of its concerns in a file of its own; `sweep` in ``grid``."""
