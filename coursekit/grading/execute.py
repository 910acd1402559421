"""The step of ``nbgrader autograde`` that runs a submission, whatever it does to its kernel."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import zmq
from nbformat.notebooknode import NotebookNode
from nbgrader.preprocessors import Execute
from traitlets import Float

from coursekit.grading.marking import MIB
from coursekit.grading.page import on_page


class ExecuteSubmission(Execute):  # type: ignore[misc]
    """nbgrader's Execute, and a kernel that is lost ends the outputs and nothing else.

    A cell can end its kernel, or write into the sockets that it is reached by. nbgrader then gives
    the submission no marks, or waits for ever: a message to a kernel whose connection is broken is
    never sent. Here the cell and those after it get an error as their output, and the marks, which
    need no kernel, are made as ever. A cell that prints without end is interrupted, before it fills
    the memory of whoever marks.
    """

    send_s = Float(10.0, help="Seconds until a kernel that takes no message is lost.").tag(
        config=True
    )
    output_mib = Float(16.0, help="Output of one cell, in MiB; with more it is interrupted.").tag(
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
        self._given = 0
        if self._lost:
            cell.outputs = [_error("KernelLost", f"Not run: {self._lost}")]
            return cell, resources
        try:
            done: tuple[NotebookNode, dict[str, Any]] = super().preprocess_cell(
                cell, resources, index
            )
        except Exception as error:  # an answer's own error is an output, and not raised
            why = "It takes no message any more." if isinstance(error, zmq.Again) else str(error)
            self._lost = f"the kernel is lost. {why}"
            self.log.warning("Cell %d: %s", index, self._lost)
            cell.outputs = [*cell.outputs, _error("KernelLost", f"From here on {self._lost}")]
            return cell, resources
        return done

    def process_message(
        self, msg: dict[str, Any], cell: NotebookNode, cell_index: int
    ) -> NotebookNode | None:
        """Put one message of the kernel into the outputs, as far as there is room for it."""
        content, room = msg["content"], int(self.output_mib * MIB) - self._given
        printed = msg["msg_type"] == "stream"
        self._given += len(content["text"] if printed else str(content))
        if self._given <= self.output_mib * MIB or msg["msg_type"] in ("status", "error"):
            return super().process_message(msg, cell, cell_index)
        if room >= 0:
            if printed:
                content["text"] = content["text"][:room]
                super().process_message(msg, cell, cell_index)
            words = f"Interrupted: the cell has given more than {self.output_mib:g} MiB of output."
            cell.outputs.append(_error("TooMuchOutput", words))
            self._interrupting = asyncio.ensure_future(self.km.interrupt_kernel())
        return None


def _error(name: str, words: str) -> NotebookNode:
    """An output that says why there is no other."""
    return NotebookNode(output_type="error", ename=name, evalue=words, traceback=[on_page(words)])
