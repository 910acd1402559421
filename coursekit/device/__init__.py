"""Where a run happens, what makes it repeat, and how Keras is loaded without noise.

- `pick_device`, `lesson_device`, `available`, `seed_everything`: ``pick``.
- `describe`, `Machine`: ``machine``.
- `import_keras`, `keras_if_installed`: ``tensorflow``.
"""

from coursekit.device.machine import Machine, describe
from coursekit.device.pick import available, lesson_device, pick_device, seed_everything
from coursekit.device.tensorflow import import_keras, keras_if_installed

__all__ = [
    "Machine",
    "available",
    "describe",
    "import_keras",
    "keras_if_installed",
    "lesson_device",
    "pick_device",
    "seed_everything",
]
