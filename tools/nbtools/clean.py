"""What an executed notebook must lose before it is stored."""

from nbformat import NotebookNode

from nbtools.images import describe, shrink

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"


def clean(notebook: NotebookNode) -> None:
    """Leave what a reader sees and what a second run would give again, byte for byte."""
    notebook.metadata.pop("widgets", None)
    notebook.metadata.get("language_info", {}).pop("version", None)
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        for output in cell.get("outputs", []):
            _clean_output(output)
    describe(notebook)
    shrink(notebook)


def _clean_output(output: NotebookNode) -> None:
    """A widget keeps its text and its picture; an error keeps its last line.

    A stored widget view would show as an error without its kernel, and a stored traceback
    holds paths of the machine that built it.
    """
    if "data" in output:
        output.data.pop(WIDGET_VIEW, None)
        output.metadata.pop(WIDGET_VIEW, None)
    if output.output_type == "error":
        output["traceback"] = [f"{output.ename}: {output.evalue}".rstrip(": ")]
