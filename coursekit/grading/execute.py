"""The step of ``nbgrader autograde`` that runs a submission, whatever it does to its kernel."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import zmq
from nbformat.notebooknode import NotebookNode
from nbgrader.preprocessors import Execute
from traitlets import Float


class ExecuteSubmission(Execute):  # type: ignore[misc]
    """nbgrader's Execute, and a kernel that is lost ends the outputs and nothing else.

    A cell can end its kernel, or write into the sockets that it is reached by. nbgrader then gives
    the submission no marks, or waits for ever: a message to a kernel whose connection is broken is
    never sent. Here the cell and those after it get an error as their output, and the marks, which
    need no kernel, are made as ever.
    """

    send_s = Float(10.0, help="Seconds until a kernel that takes no message is lost.").tag(
        config=True
    )
    shutdown_kernel = "immediate"  # nothing that a submission does at its exit is of use

    def preprocess(
        self, nb: NotebookNode, resources: dict[str, Any], km: Any = None
    ) -> tuple[NotebookNode, dict[str, Any]]:
        """Run the cells of one submission."""
        self._lost = ""
        done: tuple[NotebookNode, dict[str, Any]] = super().preprocess(nb, resources, km)
        return done

    @contextmanager
    def setup_kernel(self, **kwargs: Any) -> Iterator[None]:
        """Start the kernel; nothing that is sent to it later waits for ever."""
        with super().setup_kernel(**kwargs):
            self.kc.hb_channel.stop()  # not asked for a kernel of one's own, and it would wait
            self.kc.shell_channel.socket.setsockopt(zmq.SNDTIMEO, int(1000 * self.send_s))
            yield

    def preprocess_cell(
        self, cell: NotebookNode, resources: dict[str, Any], index: int
    ) -> tuple[NotebookNode, dict[str, Any]]:
        """Run one cell, unless the kernel is lost."""
        if cell.cell_type != "code":
            return cell, resources
        cell.outputs = []
        if self._lost:
            cell.outputs = [_error(f"Not run: {self._lost}")]
            return cell, resources
        try:
            done: tuple[NotebookNode, dict[str, Any]] = super().preprocess_cell(
                cell, resources, index
            )
        except Exception as error:  # an answer's own error is an output, and not raised
            why = "It takes no message any more." if isinstance(error, zmq.Again) else str(error)
            self._lost = f"the kernel is lost. {why}"
            self.log.warning("Cell %d: %s", index, self._lost)
            cell.outputs = [*cell.outputs, _error(f"From here on {self._lost}")]
            return cell, resources
        return done


def _error(words: str) -> NotebookNode:
    """An output that says why there is no other."""
    return NotebookNode(output_type="error", ename="KernelLost", evalue=words, traceback=[words])
