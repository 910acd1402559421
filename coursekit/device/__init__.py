"""Where a run happens, what makes it repeat, and how Keras is loaded without noise.

- `pick_device`, `lesson_device`, `available`: ``pick``.
- `seed_everything`, `Seeded`: ``seed``.
- `best_dtype`: ``precision``. `memory_bytes`: ``memory``.
- `describe`, `Machine`: ``machine``; what was observed: ``facts``, ``look``; what is wrong with
  it, in sentences: ``mismatch``.
- `import_keras`, `keras_if_installed`: ``tensorflow``.
"""

from coursekit.device.machine import Machine, describe
from coursekit.device.memory import memory_bytes
from coursekit.device.pick import available, lesson_device, pick_device
from coursekit.device.precision import best_dtype
from coursekit.device.seed import Seeded, seed_everything
from coursekit.device.tensorflow import import_keras, keras_if_installed

__all__ = [
    "Machine",
    "Seeded",
    "available",
    "best_dtype",
    "describe",
    "import_keras",
    "keras_if_installed",
    "lesson_device",
    "memory_bytes",
    "pick_device",
    "seed_everything",
]
