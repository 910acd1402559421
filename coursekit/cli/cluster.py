"""Send the runs of a command to a Dask cluster, if one is named."""

from collections.abc import Iterator
from contextlib import contextmanager

import joblib

from coursekit._optional import require
from coursekit.errors import BadInputError

WAIT_S = 10


@contextmanager
def cluster(address: str | None) -> Iterator[None]:
    """Inside, joblib's processes are the workers of a cluster; without an address, this machine's.

    What a worker dies over is run again on another one.

    Args:
        address: Where the scheduler listens, such as ``tcp://192.168.0.7:8786``.

    Raises:
        MissingPackageError: Dask is not installed.
        BadInputError: No scheduler answers there, or it has no workers.
    """
    if address is None:
        yield
        return
    distributed = require("distributed", extra="scale", purpose="Runs on a cluster")
    try:
        client = distributed.Client(address, timeout=WAIT_S)
    except (OSError, ValueError) as error:
        raise BadInputError(
            f"No Dask scheduler answers at {address!r}. Start one with 'dask scheduler', workers "
            "with 'dask worker ADDRESS --nthreads 1', and give the address that it prints."
        ) from error
    with client:
        if not client.scheduler_info()["workers"]:
            raise BadInputError(
                f"The Dask scheduler at {address!r} has no workers. "
                f"Start some: dask worker {address} --nthreads 1"
            )
        with joblib.parallel_config(backend="dask"):
            yield
