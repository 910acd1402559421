"""The address that JupyterLab opens: the first notebook, with the file browser at the top.

Without it the file browser would stand in ``notebooks/``, and the exercises be out of sight.
"""

from typing import Any

from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.utils import url_path_join
from tornado import web

ADDRESS = "/course"
START = "notebooks/00_start_here.ipynb"


class _Landing(JupyterHandler):
    """Sends whoever has the token on to the first notebook."""

    @web.authenticated
    def get(self) -> None:
        """Redirect; the login was stored when the token came."""
        self.redirect(url_path_join(self.base_url, "lab/tree", START) + "?file-browser-path=/")


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    """What Jupyter asks an extension for."""
    return [{"module": "coursekit.landing"}]


def _load_jupyter_server_extension(server: Any) -> None:
    """Add the one address."""
    route = url_path_join(server.base_url, ADDRESS)
    server.web_app.add_handlers(".*$", [(route, _Landing)])
