"""Where the controls stand: plain values, and how they are said. No widget and no torch here."""

from collections.abc import Sequence
from dataclasses import dataclass

from coursekit.cases.case import Choice, Knob


@dataclass(frozen=True, kw_only=True)
class Setting:
    """A position for each control.

    Attributes:
        knobs: The controls.
        chosen: What the position of each one says.

    >>> depth = Knob(name="depth", label="hidden layers", values=(1, 10), start=10)
    >>> shape = Choice(name="act", label="activation", positions={"tanh": "Tanh"}, first="tanh")
    >>> start = Setting.start([depth, shape])
    >>> start.short, start.long
    ('10, tanh', 'hidden layers = 10, activation = tanh')
    >>> start.named, Setting.start([depth]).named
    ('depth 10, act tanh', '10')
    >>> start.values
    {'depth': 10, 'act': 'Tanh'}
    """

    knobs: tuple[Knob | Choice, ...]
    chosen: tuple[str, ...]

    @classmethod
    def start(cls, knobs: Sequence[Knob | Choice]) -> "Setting":
        """Every control where it starts."""
        return cls(knobs=tuple(knobs), chosen=tuple(knob.first for knob in knobs))

    @property
    def values(self) -> dict[str, object]:
        """The keywords of build."""
        return {
            knob.name: knob.positions[there]
            for knob, there in zip(self.knobs, self.chosen, strict=True)
        }

    @property
    def short(self) -> str:
        """The positions alone, for a picture."""
        return ", ".join(self.chosen)

    @property
    def named(self) -> str:
        """For a picture too: where there are several controls, each by its keyword of build."""
        if len(self.knobs) < 2:
            return self.short
        pairs = zip(self.knobs, self.chosen, strict=True)
        return ", ".join(f"{knob.name} {there}" for knob, there in pairs)

    @property
    def long(self) -> str:
        """Each control by name, for a sentence."""
        pairs = zip(self.knobs, self.chosen, strict=True)
        return ", ".join(f"{knob.label} = {there}" for knob, there in pairs)
