"""Pictures of records and scores. Each takes ``ax`` and returns it; none calls ``plt.show``.

Colours are Okabe and Ito's, and never the only sign: lines differ in dash, points in marker.
"""

from coursekit.plots.landscape import plot_contours
from coursekit.plots.runs import plot_input_spread, plot_layers, plot_loss
from coursekit.plots.scores import plot_scores
from coursekit.plots.style import BROKEN, FIXED, NEUTRAL, Look, use_style
from coursekit.plots.trainability import plot_trainability

__all__ = [
    "BROKEN",
    "FIXED",
    "NEUTRAL",
    "Look",
    "plot_contours",
    "plot_input_spread",
    "plot_layers",
    "plot_loss",
    "plot_scores",
    "plot_trainability",
    "use_style",
]
