"""A learner without a browser: the requests and the websocket of JupyterLab, nothing drawn."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from uuid import uuid4

import httpx
from jupyter_client.session import Session, json_packer, json_unpacker
from jupyter_server.services.kernels.connection.base import (
    deserialize_msg_from_ws_v1,
    serialize_msg_to_ws_v1,
)
from tornado.httpclient import HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

PROTOCOL = "v1.kernel.websocket.jupyter.org"
PATIENCE_S = 600
MOST_OPENED = 5
SHOWS = ("display_data", "update_display_data", "execute_result")

Connect = Callable[["asyncio.Queue[str | bytes | None]"], Awaitable[WebSocketClientConnection]]


@dataclass(frozen=True, kw_only=True)
class Output:
    """One thing that a cell showed.

    Attributes:
        kinds: Its MIME types.
        at: When it arrived, on the clock of `time.perf_counter`.
    """

    kinds: frozenset[str]
    at: float


@dataclass
class Kernel:
    """A kernel, over its websocket. One that is closed is opened again, as JupyterLab does.

    Attributes:
        id: What the server calls it.
        opened: How often the websocket was opened.
    """

    id: str
    _connect: Connect
    _socket: WebSocketClientConnection
    _heard: "asyncio.Queue[str | bytes | None]"
    opened: int = 1
    _session: Session = field(default_factory=lambda: Session(key=b"", username="learner"))

    async def run(self, code: str) -> list[Output]:
        """Run a cell to its end; what it showed.

        Raises:
            RuntimeError: The cell raised, or the kernel cannot be reached.
        """
        request = self._session.msg("execute_request", {"code": code, "allow_stdin": False})
        await self._socket.write_message(
            serialize_msg_to_ws_v1(request, "shell", json_packer),  # type: ignore[no-untyped-call]
            binary=True,
        )
        shown: list[Output] = []
        waiting = {"execute_reply", "idle"}  # they come on two channels, in either order
        while waiting:
            kind, content = await self._answer_to(request["header"]["msg_id"])
            if kind in SHOWS:
                shown.append(Output(kinds=frozenset(content["data"]), at=time.perf_counter()))
            elif kind == "execute_reply" and content["status"] != "ok":
                raise RuntimeError("\n".join(content.get("traceback", [str(content)])))
            waiting -= {kind, content.get("execution_state") if kind == "status" else kind}
        return shown

    async def _answer_to(self, message: str) -> tuple[str, dict[str, Any]]:
        """The next message that answers a request: its type and content."""
        while True:
            frame = await asyncio.wait_for(self._heard.get(), PATIENCE_S)
            if frame is None:
                await self._reopen()
                continue
            _, parts = deserialize_msg_from_ws_v1(frame)  # type: ignore[no-untyped-call]
            header, parent, _, content = (json_unpacker(part) for part in parts[:4])
            if parent.get("msg_id") == message:
                return header["msg_type"], content

    async def _reopen(self) -> None:
        """Open the websocket again; the server has kept what the kernel said meanwhile."""
        if self.opened == MOST_OPENED:
            raise RuntimeError("The websocket was closed again: the kernel or its server is gone.")
        await asyncio.sleep(self.opened)
        self._socket = await self._connect(self._heard)
        self.opened += 1

    def close(self) -> None:
        """Leave; the kernel goes on."""
        self._socket.close()


class Learner:
    """Somebody who logs in, opens a notebook and runs it.

    Args:
        url: Where the Hub is.
        name: Who logs in.
    """

    def __init__(self, url: str, name: str) -> None:
        self.name = name
        self._url = url
        self._base = f"/user/{name}/"
        self._client = httpx.AsyncClient(base_url=url, follow_redirects=True, timeout=PATIENCE_S)

    async def log_in(self) -> None:
        """Log in, have the server started, and open JupyterLab."""
        await self._client.get("/hub/login")
        form = {"username": self.name, "password": "", "_xsrf": self._xsrf("/hub/")}
        page = await self._client.post("/hub/login", data=form, params={"next": "/hub/spawn"})
        deadline = time.monotonic() + PATIENCE_S
        while not page.raise_for_status().url.path.startswith(self._base):
            if time.monotonic() > deadline:
                raise RuntimeError(f"The server of {self.name} did not start.")
            await asyncio.sleep(0.5)
            page = await self._client.get(f"/hub/spawn-pending/{self.name}")
        (await self._client.get(f"{self._base}lab")).raise_for_status()

    async def open_notebook(self, path: str) -> list[dict[str, Any]]:
        """The code cells of a notebook."""
        answer = await self._ask("GET", f"api/contents/{path}", {"type": "notebook"})
        return [cell for cell in answer["content"]["cells"] if cell["cell_type"] == "code"]

    async def start_kernel(self, path: str) -> Kernel:
        """Start a notebook's session, and connect to its kernel."""
        body = {"path": path, "name": path, "type": "notebook", "kernel": {"name": "python3"}}
        kernel = (await self._ask("POST", "api/sessions", json=body))["kernel"]["id"]
        heard: asyncio.Queue[str | bytes | None] = asyncio.Queue()
        connect = partial(
            self._websocket, f"api/kernels/{kernel}/channels?session_id={uuid4().hex}"
        )
        return Kernel(id=kernel, _connect=connect, _socket=await connect(heard), _heard=heard)

    async def _websocket(
        self, path: str, heard: "asyncio.Queue[str | bytes | None]"
    ) -> WebSocketClientConnection:
        """A websocket to the learner's server, whose frames go into a queue; at its end, None."""
        socket = await websocket_connect(
            HTTPRequest(
                self._url.replace("http", "ws", 1) + self._base + path,
                headers=self._headers() | {"Cookie": self._cookies(), "Origin": self._url},
                connect_timeout=PATIENCE_S,
                request_timeout=PATIENCE_S,  # not 20 s: a full room
            ),
            subprotocols=[PROTOCOL],
            max_message_size=2**28,
            on_message_callback=heard.put_nowait,
        )
        if socket.selected_subprotocol != PROTOCOL:
            raise RuntimeError(f"The server does not speak {PROTOCOL}.")
        return socket

    async def end_kernel(self, kernel: Kernel) -> None:
        """Shut a kernel down, and leave it."""
        kernel.close()
        for session in await self._ask("GET", "api/sessions"):
            if session["kernel"]["id"] == kernel.id:
                await self._ask("DELETE", f"api/sessions/{session['id']}")

    async def leave(self) -> None:
        """Close the connections; server and kernel go on."""
        await self._client.aclose()

    async def _ask(
        self, method: str, path: str, params: dict[str, str] | None = None, *, json: Any = None
    ) -> Any:
        """A request to the learner's own server; its answer, as JSON."""
        answer = await self._client.request(
            method, self._base + path, params=params, json=json, headers=self._headers()
        )
        return answer.raise_for_status().json() if answer.content else None

    def _headers(self) -> dict[str, str]:
        """What JupyterLab sends along, so that the server knows that a page of its own asks."""
        return {"X-XSRFToken": self._xsrf(self._base)}

    def _xsrf(self, path: str) -> str:
        """The token that Hub and server each give for their own pages."""
        found = [c.value for c in self._client.cookies.jar if (c.name, c.path) == ("_xsrf", path)]
        return found[0] or "" if found else ""

    def _cookies(self) -> str:
        """The cookies that a browser would send to the learner's server."""
        return "; ".join(
            f"{c.name}={c.value}" for c in self._client.cookies.jar if self._base.startswith(c.path)
        )
