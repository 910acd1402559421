"""Unlabelled runs of the catalogue to be named by what was measured: `draw`, `judge`.

Nothing is trained here and no framework is loaded. ``tools/build_mysteries.py`` made the runs.

- What is shown: ``sheet``, in words ``describing``, ``sparkline``, ``wording`` and ``legend``,
  as pictures ``picture``.
- The answers: ``causes``; what tells each: ``readings``, ``tell``, ``tells`` (``tells_of_rows``,
  ``tells_of_training``).
- The stored runs, sealed: ``pool``, ``seals``. A quiz: ``scope``, ``halves``,
  ``drawing``, ``judging``, ``score``.
"""

from coursekit.mysteries.drawing import Mystery, Plan, draw
from coursekit.mysteries.judging import Verdict, judge
from coursekit.mysteries.score import line_to_copy, score_in_words

__all__ = ["Mystery", "Plan", "Verdict", "draw", "judge", "line_to_copy", "score_in_words"]
