"""Live controls for notebooks: `explore` (a slider that retrains) and `predict` (a form)."""

from coursekit.widgets.asker import predict
from coursekit.widgets.explorer import explore

__all__ = ["explore", "predict"]
