"""Pictures in a stored notebook: small files, and a text for who cannot see them."""

import base64
import io
import re
from collections.abc import Iterator

import numpy as np
from nbformat import NotebookNode
from PIL import Image

PNG = "image/png"
MAX_ERROR = 24  # of 255, in any channel of any pixel: beyond it a palette would be seen
PALETTES = (Image.Quantize.MEDIANCUT, Image.Quantize.MAXCOVERAGE)  # one suits what the other spoils
_FIGURE = re.compile(r"\*\*Figure\.\*\*\s+(.+?[.!?])(?=\s|$)", re.DOTALL)
_LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")


def pictures(notebook: NotebookNode) -> Iterator[tuple[int, NotebookNode]]:
    """Each output that holds a picture, with the index of its cell."""
    for index, cell in enumerate(notebook.cells):
        for output in cell.get("outputs", []):
            if PNG in output.get("data", {}):
                yield index, output


def caption(markdown: str) -> str:
    """The sentence that a figure's text starts with, as plain text; "" where there is none.

    >>> caption("**Figure.** The loss of `run` stays at 1.1 nat. More words.")
    'The loss of run stays at 1.1 nat.'
    >>> caption("The loss stays.")
    ''
    """
    found = _FIGURE.match(markdown.strip())
    if not found:
        return ""
    words = _LINK.sub(r"\1", found.group(1)).replace("`", "").replace("*", "").replace("$", "")
    return " ".join(words.split())


def describe(notebook: NotebookNode) -> None:
    """Copy the sentence after each figure into its metadata, where exporters look for it.

    nbconvert reads ``output.metadata["image/png"]["alt"]``; JupyterLab 4.6 reads no such text.
    """
    for index, output in pictures(notebook):
        after = notebook.cells[index + 1] if index + 1 < len(notebook.cells) else None
        text = caption(after.source) if after and after.cell_type == "markdown" else ""
        if text:
            output.metadata.setdefault(PNG, {})["alt"] = text


def shrink(notebook: NotebookNode) -> None:
    """Store each picture with 256 colours where that looks the same."""
    for _, output in pictures(notebook):
        small = compress(base64.b64decode(output.data[PNG]))
        output.data[PNG] = base64.b64encode(small).decode("ascii")


def compress(png: bytes) -> bytes:
    """A PNG with at most 256 colours, or with all of them where a palette would be seen.

    The same picture gives the same bytes: no date and no version is written.
    """
    picture = Image.open(io.BytesIO(png))
    opaque = picture.mode != "RGBA" or np.asarray(picture)[..., 3].min() == 255
    exact = picture.convert("RGB") if opaque else picture
    methods = PALETTES if opaque else (Image.Quantize.FASTOCTREE,)
    palettes = [exact.quantize(colors=256, method=m, dither=Image.Dither.NONE) for m in methods]
    alike = [palette for palette in palettes if _error(palette, exact) <= MAX_ERROR]
    return min((_png(one) for one in [exact, *alike]), key=len)


def _error(palette: Image.Image, exact: Image.Image) -> int:
    """The largest difference in any channel of any pixel."""
    both = np.asarray(palette.convert(exact.mode), np.int16), np.asarray(exact, np.int16)
    return int(np.abs(both[0] - both[1]).max())


def _png(picture: Image.Image) -> bytes:
    """A picture as the bytes of a PNG file."""
    file = io.BytesIO()
    picture.save(file, format="PNG", optimize=True)
    return file.getvalue()
