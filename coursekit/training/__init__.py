"""Training loops: `fit` in ``loop``; `pairs` and the checks of what it gets in ``batches``."""
