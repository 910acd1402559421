"""Kernels of the strict run, reached by files of their own."""

import sys
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import nbval.kernel
import pytest


@pytest.mark.skipif(sys.platform == "win32", reason="has ports alone")
def test_two_kernels_at_once_share_no_socket() -> None:
    with ExitStack() as ended:
        folders = set()
        for _ in range(2):
            manager, client = nbval.kernel.start_new_kernel(
                kernel_name=nbval.kernel.CURRENT_ENV_KERNEL_NAME
            )
            ended.callback(partial(manager.shutdown_kernel, now=True))
            ended.callback(client.stop_channels)
            assert manager.transport == "ipc"
            folders.add(Path(manager.ip).parent)
        assert len(folders) == 2
        assert all(any(folder.iterdir()) for folder in folders)
