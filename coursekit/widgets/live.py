"""What ipywidgets has no form of: spoken regions, a picture with words, arrow keys in a form."""

from pathlib import Path
from typing import final

import anywidget
import traitlets

HERE = Path(__file__).parent


@final
class LiveRegion(anywidget.AnyWidget):
    """HTML that is spoken when it changes: at the next pause, or at once for an alert.

    Attributes:
        value: The HTML.
        role: ARIA's name: ``"status"`` waits for a pause, ``"alert"`` does not.
        busy: What is waited for, seen and not spoken, while the value is out of date; "" at rest.
        visits: Each change scrolls here and brings the keyboard's place along.
        lands: Where in the window a visit ends: at its ``"start"``, or at the ``"nearest"`` edge.
    """

    _esm = HERE / "live_region.js"
    value = traitlets.Unicode("").tag(sync=True)
    role = traitlets.Enum(["status", "alert"], "status").tag(sync=True)
    busy = traitlets.Unicode("").tag(sync=True)
    visits = traitlets.Int(0).tag(sync=True)
    lands = traitlets.Enum(["start", "nearest"], "nearest").tag(sync=True)


@final
class LivePicture(anywidget.AnyWidget):
    """A picture that changes without a flicker, with a description for those who do not see it.

    Attributes:
        value: PNG bytes.
        description: What the picture shows: the image's ``alt``.
    """

    _esm = HERE / "live_picture.js"
    value = traitlets.Bytes(b"").tag(sync=True)
    description = traitlets.Unicode("").tag(sync=True)


@final
class ArrowKeys(anywidget.AnyWidget):
    """Nothing to see: in a box, it gives the arrow keys to the lists and sliders of that box."""

    _esm = HERE / "arrow_keys.js"
