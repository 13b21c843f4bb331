"""A TCP proxy before PostgreSQL that cuts a connection in the middle of a commit.

A client commits with one simple query, `COMMIT`. Cut before: the server never sees it, and rolls
back. Cut after: the server has it and commits, but nobody hears so. Either way the client must find
out by itself.
"""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import Self

COMMIT = b"Q\x00\x00\x00\x0bCOMMIT\x00"
CHUNK = 65_536
BACKLOG = 64


class CommitCutter:
    """Forwards connections to `server`; `port` is where. `cuts` counts what was asked and done."""

    def __init__(self, server: tuple[str, int]) -> None:
        self._server = server
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=BACKLOG)
        self.port = int(self._listener.getsockname()[1])
        self.cuts = 0
        self._lock = threading.Lock()
        self._wanted = ""
        self._pairs: list[tuple[socket.socket, socket.socket]] = []

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, name="proxy", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for pair in self._pairs:
            _cut(pair)

    def cut_before(self) -> None:
        """Cut the next commit before the server sees it."""
        with self._lock:
            self._wanted = "before"

    def cut_after(self) -> None:
        """Cut the next commit when the server has answered it, and keep the answer."""
        with self._lock:
            self._wanted = "after"

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self._serve(client)

    def _serve(self, client: socket.socket) -> None:
        try:
            server = socket.create_connection(self._server)
        except OSError:
            client.close()
            return
        pair = (client, server)
        self._pairs.append(pair)
        forget = threading.Event()
        for target, name in ((self._from_client, "asks"), (self._from_server, "answers")):
            thread = threading.Thread(target=target, args=(pair, forget), name=name, daemon=True)
            thread.start()

    def _from_client(
        self, pair: tuple[socket.socket, socket.socket], forget: threading.Event
    ) -> None:
        client, server = pair
        with suppress(OSError):
            while data := client.recv(CHUNK):
                if data.endswith(COMMIT) and (wanted := self._take()):
                    if wanted == "after":
                        forget.set()
                        server.sendall(data)
                        continue
                    self.cuts += 1
                    break
                server.sendall(data)
        if not forget.is_set():
            _cut(pair)

    def _from_server(
        self, pair: tuple[socket.socket, socket.socket], forget: threading.Event
    ) -> None:
        client, server = pair
        with suppress(OSError):
            while data := server.recv(CHUNK):
                if forget.is_set() and b"COMMIT\x00" in data:
                    self.cuts += 1
                    break
                client.sendall(data)
        _cut(pair)

    def _take(self) -> str:
        with self._lock:
            wanted, self._wanted = self._wanted, ""
        return wanted


def _cut(pair: tuple[socket.socket, socket.socket]) -> None:
    for one in pair:
        with suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
        one.close()
