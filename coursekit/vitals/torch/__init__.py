"""The vital signs of any PyTorch loop: ``with record(model, optimizer): …``.

- Seen by hooks: ``recording`` holds them together; ``backward``, ``forward``, ``layers``,
  ``labels``, ``weights``, ``scaling``, ``clock``.
- Measured at once, on any device: ``direct`` with ``batch``, ``gauge``, ``measures``, ``parcel``.
- Laid by and measured together, small models on the CPU: ``survey``, ``stage``.
- ``desk`` picks one of the two for each reading; ``clerk`` writes it down.
"""

from coursekit.vitals.torch.recording import Vitals, record

__all__ = ["Vitals", "record"]
