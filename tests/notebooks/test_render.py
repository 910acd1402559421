"""How a page is cut into pictures."""

import pytest
from render_notebook import Slice, slices


@pytest.mark.parametrize(
    ("tops", "total", "expected"),
    [
        ([0, 500], 900, [(0, 900)]),
        ([0, 600, 1000, 1300], 1500, [(0, 1300), (1300, 1500)]),
        ([0, 100], 3000, [(0, 1400), (1400, 2800), (2800, 3000)]),
    ],
)
def test_cuts_before_a_cell_where_one_is_near(
    tops: list[float], total: float, expected: list[tuple[int, int]]
) -> None:
    parts = [Slice(top=top, bottom=bottom) for top, bottom in expected]
    assert slices(tops, total) == parts
