"""Every contender in an environment of its own, as a user would have installed it.

    pinned requirements -> uv -> .run/peers/NAME-VERSION, bytecode compiled

Quarterdeck stands among them: a wheel built from this checkout with what uv.lock says, no development
tools and no extra but the one that a scenario cannot do without, so that nobody starts with an advantage.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / ".run" / "peers"


@dataclass(frozen=True, slots=True)
class Peer:
    """A tool that does part of what Quarterdeck does, at one version.

    Attributes:
        name, version: of its package.
        needs: what is installed beside it, as requirements.
        extra: of its package.
    """

    name: str
    version: str
    needs: tuple[str, ...] = ()
    extra: str = ""

    @property
    def label(self) -> str:
        """As the tables show it."""
        return f"{self.name} {self.version}"


EMPATHY = Peer("empathy-framework", "4.8.0")
RUFF = Peer("ruff", "0.17.6")
GRIMP = Peer("grimp", "3.19")
CCUSAGE = Peer("ccusage", "20.0.24")

_REDIS = ("redis==8.1.0", "hiredis==3.5.0")
EMPATHY_MEMORY = Peer("empathy-framework", "4.9.1", needs=_REDIS)
"""The first version with the memory that the part ``memory`` compares."""
REDIS_PY = Peer("redis", "8.1.0", needs=(*_REDIS, "msgspec==0.22.0"))
DISKCACHE = Peer("diskcache", "5.6.3")
CASHEWS = Peer("cashews", "7.6.0", extra="diskcache", needs=("diskcache==5.6.3",))
LANGGRAPH = Peer("langgraph-checkpoint-sqlite", "3.1.2")
BM25S = Peer("bm25s", "0.3.11", needs=("PyStemmer==3.1.0", "numpy==2.3.5"))

_NODE_MACHINES = {"x86_64": "x64", "aarch64": "arm64", "arm64": "arm64"}
"""What Node's packages call a machine."""


class PeerUnavailable(Exception):
    """An environment could not be made; the message says what uv said."""


def install(peer: Peer) -> Path:
    """The ``bin`` folder of *peer*'s environment; made the first time, and anew when the pins change."""
    folder = FOLDER / f"{peer.name}-{peer.version}"
    done = folder / "installed.txt"
    extra = f"[{peer.extra}]" if peer.extra else ""
    requirements = [f"{peer.name}{extra}=={peer.version}", *peer.needs]
    wanted = "\n".join(requirements)
    if not done.exists() or done.read_text() != wanted:
        shutil.rmtree(folder, ignore_errors=True)
        _uv("venv", "--quiet", "--python", sys.executable, str(folder))
        python = str(folder / "bin" / "python")
        _uv("pip", "install", "--quiet", "--compile-bytecode", "--python", python, *requirements)
        done.write_text(wanted)
    return folder / "bin"


def install_ccusage() -> Path | None:
    """The command of ccusage, from the npm registry with its native program; None where there is no npm."""
    npm = shutil.which("npm")
    if npm is None:
        return None
    folder = FOLDER / CCUSAGE.name
    command = folder / "node_modules" / ".bin" / CCUSAGE.name
    if not command.exists():
        native = f"@ccusage/ccusage-{sys.platform}-{_NODE_MACHINES.get(platform.machine(), '')}"
        folder.mkdir(parents=True, exist_ok=True)
        packages = [f"{name}@{CCUSAGE.version}" for name in (CCUSAGE.name, native)]
        done = subprocess.run(
            [npm, "install", "--no-audit", "--no-fund", "--prefix", str(folder), *packages],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise PeerUnavailable(f"npm could not install {CCUSAGE.label}:\n{done.stderr.strip()}")
    return command


def install_quarterdeck(*extras: str) -> Path:
    """The ``bin`` folder of an environment with this checkout's Quarterdeck; built anew each time."""
    folder = FOLDER / "-".join(("quarterdeck", *extras))
    options = ["--locked", "--no-editable", "--no-default-groups", "--compile-bytecode"]
    options += [option for extra in extras for option in ("--extra", extra)]
    _uv(
        "sync", "--quiet", *options, "--reinstall-package", "quarterdeck", "--python", sys.executable,
        UV_PROJECT_ENVIRONMENT=str(folder),
    )  # fmt: skip
    return folder / "bin"


def _uv(*arguments: str, **variables: str) -> None:
    """Run uv in the checkout.

    Raises:
        PeerUnavailable: there is no uv, or it failed.
    """
    uv = os.environ.get("UV") or shutil.which("uv")
    if uv is None:
        raise PeerUnavailable("no uv found\n  hint: start the bench with ./run bench, which brings it")
    env = {**os.environ, **variables}
    done = subprocess.run([uv, *arguments], cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise PeerUnavailable(f"uv {arguments[0]} failed:\n{done.stderr.strip()}")
