"""A proxy before a memory server that speaks TLS for it, and that does to the network what a test wants."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time


class Proxy:
    """Passes bytes between clients and *server*; each connection has two threads.

    Attributes:
        server: whom it speaks to.
        tls: the certificates it speaks TLS with; None: plain.
        port: of loopback, where it listens.
        delay_s: how long it holds every piece of data; set it at any time.
        refuses: whether new connections are closed at once.
    """

    def __init__(self, server, tls=None, *, client_certificates=False):
        self.server = server
        self.tls = tls
        self.delay_s = 0.0
        self.refuses = False
        self._context = None
        if tls:
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._context.load_cert_chain(*tls.server)
            if client_certificates:
                self._context.verify_mode = ssl.CERT_REQUIRED
                self._context.load_verify_locations(tls.authority)
        self._flows = threading.Event()
        self._flows.set()
        self._lock = threading.Lock()
        self._open = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._acceptor = threading.Thread(target=self._accept, daemon=True)
        self._acceptor.start()

    @property
    def url(self):
        """Its address."""
        return f"{'rediss' if self.tls else 'redis'}://127.0.0.1:{self.port}"

    def flush(self):
        """As new, and its server too."""
        self.delay_s = 0.0
        self.refuses = False
        self._flows.set()
        self.server.flush()

    def cut(self):
        """Break all connections there are; new ones are as good as before."""
        with self._lock:
            taken, self._open = self._open, set()
        for connection in taken:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def stall(self):
        """Keep all connections, and pass nothing on: as when a cable is pulled."""
        self._flows.clear()

    def resume(self):
        """Pass on what came meanwhile."""
        self._flows.set()

    def close(self):
        """Let go of everything.

        The thread that accepts ends first: else it could go on with whichever listener, of another proxy
        with other certificates, gets this one's file descriptor.
        """
        with contextlib.suppress(OSError):  # it is closed already
            self._listener.shutdown(socket.SHUT_RDWR)
        self._acceptor.join()
        self._listener.close()
        self._flows.set()
        self.cut()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self.refuses:
                client.close()
                continue
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        try:
            client = self._wrapped(client)
            upstream = socket.create_connection(("127.0.0.1", self.server.port))
        except OSError:  # it did not like our certificate, or the server is down
            client.close()
            return
        upstream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with client, upstream:
            with self._lock:
                self._open |= {client, upstream}
            back = threading.Thread(target=self._pump, args=(upstream, client), daemon=True)
            back.start()
            self._pump(client, upstream)
            back.join()
            with self._lock:
                self._open -= {client, upstream}

    def _wrapped(self, client):
        if self._context is None:
            return client
        client.settimeout(10)
        wrapped = self._context.wrap_socket(client, server_side=True)
        wrapped.settimeout(None)
        return wrapped

    def _pump(self, source, target):
        try:
            while data := source.recv(65536):
                if self.delay_s:
                    time.sleep(self.delay_s)
                self._flows.wait()
                target.sendall(data)
        except OSError:
            pass
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
