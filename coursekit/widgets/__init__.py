"""Live controls for notebooks.

- `explore`: sliders and lists over a case; every move trains again.
- `predict`: a form in which the learner commits to an answer; `look_back` with `Happened`: what was
  predicted beside what happened.
- `quiz`: runs without a label, to be named by what was measured.
"""

from coursekit.widgets.asker import predict
from coursekit.widgets.explorer import explore
from coursekit.widgets.looker import look_back
from coursekit.widgets.looking_back import Happened
from coursekit.widgets.quizzer import quiz

__all__ = ["Happened", "explore", "look_back", "predict", "quiz"]
