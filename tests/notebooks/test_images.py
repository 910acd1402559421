"""Small pictures that look the same, and the sentence that stands for one."""

import io

import numpy as np
import pytest
from nbtools.images import MAX_ERROR, caption, compress
from PIL import Image


def _png(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(file, format="PNG")
    return file.getvalue()


def _pixels(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGBA"), dtype=np.int16)


def _few_colours() -> np.ndarray:
    grey = np.random.default_rng(0).integers(0, 40, size=(64, 64)) * 6
    return np.stack([grey, grey // 2, grey, np.full_like(grey, 255)], axis=-1)


def test_few_colours_are_kept_exactly_in_fewer_bytes() -> None:
    original = _png(_few_colours())
    small = compress(original)
    assert len(small) < len(original)
    assert (_pixels(small) == _pixels(original)).all()
    assert Image.open(io.BytesIO(small)).mode == "P"


def test_colours_that_a_palette_would_show_are_all_kept() -> None:
    noise = np.random.default_rng(0).integers(0, 256, size=(64, 64, 3))
    assert (_pixels(compress(_png(noise)))[..., :3] == noise).all()


def test_a_transparent_picture_stays_transparent() -> None:
    pixels = _few_colours()
    pixels[:32, :, 3] = 0
    changed = np.abs(_pixels(compress(_png(pixels))) - pixels)
    assert changed.max() <= MAX_ERROR


@pytest.mark.parametrize(
    ("markdown", "text"),
    [
        ("**Figure.** A line. More.", "A line."),
        ("**Figure.** It stays near\n0.5 nat!", "It stays near 0.5 nat!"),
        ("**Figure.** See [the *loss*](x.html).", "See the loss."),
        ("Figure. A line.", ""),
        ("**Figure.** no end", ""),
        ("Text first. **Figure.** A line.", ""),
    ],
)
def test_a_caption_is_the_first_sentence_as_plain_text(markdown: str, text: str) -> None:
    assert caption(markdown) == text
