"""The vital signs of ``model.fit``: the callback `KerasRecorder`. Loads no Keras yet.

- ``recorder``: the callback; ``probe``: one measurement; ``reduce``: its arithmetic.
- ``layers``, ``data``: what is looked at; ``state``: what is put back as it was; ``notes``: what
  cannot be seen.
"""

from coursekit.vitals.keras.recorder import KerasRecorder

__all__ = ["KerasRecorder"]
