"""The file of the runs: it is small, whole, and gives nothing away."""

import io
import re
import zlib
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
import pytest

from coursekit.errors import BadInputError, UnknownNameError
from coursekit.mysteries.causes import CAUSES, HEALTHY
from coursekit.mysteries.pool import FILE, Labelled, Pool, make_pool, stored
from coursekit.mysteries.seals import lot, seal
from coursekit.mysteries.sheet import CURVES, NUMBERS, POINTS, Sheet
from coursekit.mysteries.tells import TELLS

RUNS = tuple(stored())


def sheet(value: float) -> Sheet:
    return Sheet(
        curves=np.full((len(CURVES), POINTS), value, dtype=np.float32),
        numbers=np.full(len(NUMBERS), value, dtype=np.float32),
    )


def small_pool() -> Pool:
    return make_pool(
        [
            Labelled(sheet=sheet(value), case="raw-test-set", healthy=value > 2)
            for value in (1, 2, 3, 4)
        ]
    )


def auc(scores: Sequence[float], labels: Sequence[bool]) -> float:
    """Chance that a healthy run scores above a broken one; a half where the score says nothing."""
    pairs = [
        (a > b) + 0.5 * (a == b)
        for a, healthy in zip(scores, labels, strict=True) if healthy
        for b, other in zip(scores, labels, strict=True) if not other
    ]  # fmt: skip
    return float(np.mean(pairs))


def test_the_file_is_small_and_alone() -> None:
    assert FILE.stat().st_size < 2_000_000
    assert [path.name for path in FILE.parent.iterdir() if path.suffix not in (".py", ".pyc", "")
            and path.is_file()] == [FILE.name]  # fmt: skip


def test_the_file_is_what_its_runs_are_written_as() -> None:
    """The arrays, byte for byte; what zip puts around them is another thing in each Python."""
    with np.load(io.BytesIO(stored().to_bytes())) as written, np.load(FILE) as kept:
        assert list(written) == list(kept)
        for name in kept:
            assert (written[name].dtype, written[name].shape) == (
                kept[name].dtype,
                kept[name].shape,
            )
            assert written[name].tobytes() == kept[name].tobytes()


def test_no_answer_can_be_read_in_the_file() -> None:
    content = FILE.read_bytes().lower()
    words = {HEALTHY, "broken", "fixed", "fault", *TELLS, *CAUSES}
    words |= {cause.words for cause in CAUSES.values()}
    assert not [word for word in words if word.lower().encode() in content]


def test_the_head_names_what_is_shown_and_nothing_else() -> None:
    with np.load(FILE) as arrays:
        assert sorted(arrays) == ["curves", "head", "numbers", "seals"]
        head = arrays["head"].tobytes().decode()
    for name in (*CURVES, *NUMBERS, *stored().names):
        head = head.replace(f'"{name}"', "")
    assert set(re.findall(r"[a-z-]{3,}", head)) <= {
        "schema", "coursekit-mysteries", "version", "names", "salt", "curves", "numbers",
        *re.findall(r"[a-f]{3,}", head),
    }  # fmt: skip


def test_every_run_takes_the_same_room() -> None:
    pool = stored()
    assert pool.curves.shape == (len(RUNS), len(CURVES), POINTS)
    assert pool.numbers.shape == (len(RUNS), len(NUMBERS))
    assert pool.seals.shape[:2] == (len(RUNS), 2)
    assert {len(name) for name in pool.names} == {6}


def test_half_are_healthy_so_that_guessing_one_kind_is_no_better() -> None:
    assert Counter(run.healthy for run in RUNS) == {True: len(RUNS) // 2, False: len(RUNS) // 2}


def _as_number(name: str) -> float:
    return int(name, 16)


@pytest.mark.parametrize(
    "look",
    [
        _as_number,  # which is the order in the file
        lambda name: int(name, 16) % 2,
        lambda name: int(name[-1], 16),
        lambda name: sum(int(letter, 16) for letter in name),
        lambda name: zlib.crc32(name.encode()),
        lambda name: len(set(name)),
        lambda name: stored().seals[stored().names.index(name)].sum(),
        lambda name: stored().seals[stored().names.index(name), 0, 0],
    ],
    ids=["order", "parity", "last digit", "digits", "checksum", "letters", "seal", "seal's start"],
)
def test_what_stands_outside_of_a_run_says_nothing_of_its_health(
    look: Callable[[str], float],
) -> None:
    scores = [float(look(run.name)) for run in RUNS]
    assert 0.38 < auc(scores, [run.healthy for run in RUNS]) < 0.62  # 2.6 deviations of chance


def test_runs_of_one_case_do_not_stand_together() -> None:
    neighbours = sum(a.case == b.case for a, b in pairwise(RUNS))
    assert neighbours < 10  # three by chance
    starts = Counter(run.name[:2] for run in RUNS)
    assert max(starts.values()) < 6


@pytest.mark.parametrize("case", TELLS)
def test_the_shape_of_the_network_is_that_of_a_healthy_run_too(case: str) -> None:
    pool = stored()
    shapes: dict[bool, set[tuple[object, ...]]] = {True: set(), False: set()}
    for run in RUNS:
        if run.case == case:
            one = pool.sheet(run.name)
            facts = tuple(one.number(name) for name in ("columns", "classes", "weight_layers"))
            there = tuple(
                bool(np.isnan(one.curve(name)).all())
                for name in ("dead_fraction", "saturated_fraction", "loss", "gradient_norm_first")
            )
            shapes[run.healthy].add((*facts, *there))
    assert shapes[True] == shapes[False]
    assert len(shapes[True]) == 1


def test_no_two_runs_share_their_rows() -> None:
    """Runs of one seed would: who knows one of them would know the other."""
    names = [f"mean_{third}_validation" for third in ("first", "middle", "last")]
    names += [f"third_{third}_use" for third in ("first", "middle", "last")]
    seen = [tuple(stored().sheet(run.name).number(name) for name in names) for run in RUNS]
    assert len(set(seen)) == len(seen)


def test_an_answer_opens_its_seal_and_no_other_does() -> None:
    pool = stored()
    for run, seals in zip(RUNS, pool.seals, strict=True):
        opened = [
            answer for answer in (HEALTHY, *CAUSES)
            if seal(pool.salt, run.name, answer) == seals[0].tobytes()
        ]  # fmt: skip
        assert opened == [run.answer]


def test_the_same_answer_has_another_seal_in_each_run() -> None:
    assert len({seals.tobytes() for seals in stored().seals[:, 0]}) == len(RUNS)


def test_a_pool_is_written_and_read_again() -> None:
    pool = small_pool()
    again = Pool.from_bytes(pool.to_bytes())
    assert again.names == pool.names
    assert [(run.case, run.healthy) for run in again] == [(r.case, r.healthy) for r in pool]
    assert again.to_bytes() == pool.to_bytes() == small_pool().to_bytes()


def test_a_pool_knows_which_of_its_runs_are_healthy() -> None:
    pool = small_pool()
    healthy = {run.name for run in pool if run.healthy}
    assert {pool.sheet(name).number("steps") for name in healthy} == {3, 4}
    assert {run.answer for run in pool} == {HEALTHY, TELLS["raw-test-set"].cause}


def test_the_order_in_which_runs_were_made_is_lost() -> None:
    runs = [Labelled(sheet=sheet(v), case="raw-test-set", healthy=v > 2) for v in (4, 2, 3, 1)]
    assert make_pool(runs).to_bytes() == small_pool().to_bytes()


def test_two_runs_that_show_the_same_are_refused() -> None:
    with pytest.raises(BadInputError, match="Give every run a seed of its own"):
        make_pool([Labelled(sheet=sheet(1), case="raw-test-set", healthy=h) for h in (True, False)])


@pytest.mark.parametrize("cut", [0, 1, 100, 5000, -1])
def test_a_damaged_file_is_said_to_be_one(cut: int) -> None:
    with pytest.raises(BadInputError, match=r"is damaged .*Install coursekit again"):
        Pool.from_bytes(small_pool().to_bytes()[:cut])


def test_a_file_of_another_version_is_said_to_be_one() -> None:
    content = small_pool().to_bytes().replace(b'"version": 1', b'"version": 2')
    with pytest.raises(BadInputError, match=r"is of another version|is damaged"):
        Pool.from_bytes(content)


def test_a_run_of_a_case_that_is_not_known_is_said_to_be_one() -> None:
    pool = small_pool()
    pool.seals[0, 1] += 1
    with pytest.raises(BadInputError, match="is of no case that this coursekit knows"):
        list(pool)


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="No mystery 'x'"):
        stored().sheet("x")


def test_arrays_of_another_shape_are_refused() -> None:
    with pytest.raises(BadInputError, match=r"The arrays have shapes \(\(1, 2\), \(3,\)\)"):
        Sheet(curves=np.zeros((1, 2), dtype=np.float32), numbers=np.zeros(3, dtype=np.float32))


def test_unknown_measurements_are_refused() -> None:
    with pytest.raises(UnknownNameError, match="No curve 'los'"):
        sheet(1).curve("los")
    with pytest.raises(UnknownNameError, match=r"No number 'step'\. Did you mean 'steps'"):
        sheet(1).number("step")


def test_lots_are_the_same_everywhere() -> None:
    assert lot(1, "run", "3f2a9c").hex()[:12] == "70c5e18059bf"
