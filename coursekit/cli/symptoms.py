"""``coursekit symptoms``: from what one sees to the lesson, and a card to print."""

from pathlib import Path

from coursekit.errors import BadInputError
from coursekit.symptoms import card, text


def symptoms(save: Path | None) -> int:
    """Print the map, or write it as a page to print."""
    if save is None:
        print(text())
        print("\nA failure in full: coursekit cases NAME. As a page to print: --card card.html")
        return 0
    try:
        save.write_text(card(), encoding="utf-8")
    except OSError as error:
        raise BadInputError(f"Cannot write {save}: {error.strerror}. Name another file.") from error
    print(f"Wrote {save}. Open it in a browser and print it: one sheet of A4, landscape.")
    return 0
