"""Run a case over seeds, recipe by recipe."""

import gc
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import get_args

from coursekit.cases import get_case
from coursekit.cases.case import Case, Recipe
from coursekit.cases.claim import AnyClaim
from coursekit.device import import_keras
from coursekit.errors import BadInputError, unknown
from coursekit.evidence.rows import Framework, Row, identity
from coursekit.evidence.source import source_hash, versions


def recipes(case: Case, framework: Framework) -> dict[str, Recipe]:
    """The recipes of a case in one framework, by the name that a row gives them.

    The healthy recipe and the wrong fixes are run in PyTorch only.
    """
    if framework == "keras":
        named = {"broken": case.keras.broken, "fixed": case.keras.fixed}
    else:
        named = {"broken": case.broken, "fixed": case.fixed, "healthy": case.healthy}
        named |= {rival.name: rival.recipe for rival in case.rivals}
    return {name: recipe for name, recipe in named.items() if recipe is not None}


def frameworks(case: Case) -> list[Framework]:
    """The frameworks in which a case runs."""
    return ["torch", "keras"] if case.keras.broken is not None else ["torch"]


def claim_in(case: Case, framework: Framework) -> AnyClaim:
    """What must hold in a framework: the claim of the case, unless its twin has one."""
    return case.keras.claim or case.claim if framework == "keras" else case.claim


def verify(
    case: str | Case,
    *,
    seeds: Iterable[int],
    framework: Framework = "torch",
    threads: int = 1,
    only: Sequence[str] | None = None,
    known: Sequence[Row] = (),
) -> Iterator[Row]:
    """Run a case over seeds; yields each run as it ends, so that an interrupt loses none.

    Args:
        case: The case, or its name.
        seeds: The seeds; each is run with every recipe.
        framework: Which of the two forms to run.
        threads: Threads to compute with. Each row says how many it really had: TensorFlow keeps
            the number that it was first used with.
        only: Names of the recipes to run: ``"broken"``, ``"fixed"``, a rival's; None runs all.
        known: Rows of earlier runs; one with the same source and versions is not run again.

    Raises:
        UnknownNameError: There is no such case or framework, or no such recipe in it.
        BadInputError: A number came in place of seeds, a name in place of names, or no thread.
    """
    _check(seeds, threads, only)
    case = get_case(case) if isinstance(case, str) else case
    if framework not in get_args(Framework):
        raise unknown("framework", framework, get_args(Framework))
    chosen = _chosen(case, framework, only)
    threads = _prepare(framework, threads)
    done = {identity(row): row for row in known}
    hashes = {name: source_hash(recipe) for name, recipe in chosen.items()}
    with_these = versions(framework)
    for seed in seeds:
        for name, recipe in chosen.items():
            empty = Row(
                case=case.name, framework=framework, recipe=name, seed=seed, threads=threads,
                scores={}, time_s=0.0, source=hashes[name], versions=with_these,
            )  # fmt: skip
            yield done.get(identity(empty)) or _run(empty, recipe)


def _check(seeds: object, threads: int, only: object) -> None:
    """Refuse what would be read as something else, or end in an error of Python's.

    Raises:
        BadInputError: See `verify`.
    """
    if isinstance(seeds, int | str):
        raise BadInputError(f"seeds is {seeds!r}. Give them one by one: range(3), or [1000, 1001].")
    if isinstance(only, str):
        raise BadInputError(f"only is {only!r}. Give a list of names: [{only!r}].")
    if threads < 1:
        raise BadInputError(f"threads is {threads}. A run needs at least 1.")


def _chosen(case: Case, framework: Framework, only: Sequence[str] | None) -> dict[str, Recipe]:
    """The recipes to run, in the case's order."""
    there = recipes(case, framework)
    for name in only or ():
        if name not in there:
            raise unknown("recipe", name, there)
    return {name: there[name] for name in there if only is None or name in only}


def _prepare(framework: Framework, threads: int) -> int:
    """Load the framework and set its threads; returns how many it computes with.

    TensorFlow takes a number only before its first use: later, it keeps the one that it has.
    """
    if framework == "torch":
        import torch

        torch.set_num_threads(threads)
        return threads
    import_keras()
    import tensorflow as tf

    try:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
    except RuntimeError:
        return int(tf.config.threading.get_intra_op_parallelism_threads()) or os.cpu_count() or 1
    return threads


@contextmanager
def _for_short_runs(framework: Framework) -> Iterator[None]:
    """Inside, TensorFlow computes its graphs as they were traced, and does not rewrite them first.

    It is the same computation. Each run traces its graphs anew, and to rewrite those of networks
    this small takes a third of the run. Python's garbage collector looks at the run's own objects
    alone, not again and again at the million that TensorFlow brought: a quarter of the run.
    TensorFlow's advice against tracing often is not shown.
    """
    if framework == "torch":
        yield
        return
    import tensorflow as tf

    options, logger = tf.config.optimizer, tf.get_logger()
    rewrites_not = options.get_experimental_options().get("disable_meta_optimizer", False)
    level = logger.level
    options.set_experimental_options({"disable_meta_optimizer": True})
    logger.setLevel("ERROR")
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
        options.set_experimental_options({"disable_meta_optimizer": rewrites_not})
        logger.setLevel(level)


def _run(empty: Row, recipe: Recipe) -> Row:
    """Make the run that a row describes; an error is a result too: what it means, `judge` says."""
    began = time.perf_counter()
    scores: dict[str, float] = {}
    ended = ""
    with _for_short_runs(empty.framework):
        try:
            scores = recipe.run(empty.seed)
        except Exception as error:
            ended = f"{type(error).__name__}: {_without_paths(error)}"
        finally:
            _forget(empty.framework)
    return replace(empty, scores=scores, time_s=time.perf_counter() - began, error=ended)


def _without_paths(error: Exception) -> str:
    """The message in one line; TensorFlow puts a traceback with this machine's paths into it."""
    lines = [line.strip() for line in str(error).splitlines()]
    return " ".join(line for line in lines if line and not line.startswith('File "'))


def _forget(framework: Framework) -> None:
    """Let go of what Keras keeps of each model, so that many runs fit into one process."""
    if framework == "keras":
        import keras

        keras.backend.clear_session()
