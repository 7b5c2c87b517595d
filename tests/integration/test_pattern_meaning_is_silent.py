"""The search by meaning tells nobody anything, and leaves nothing in the user's home."""

from __future__ import annotations

import os
import subprocess
import sys

ENCODE = """
import time
from quarterdeck.patterns.meaning.encoder import the_encoder
the_encoder().encode(["a locked database"])
time.sleep(0.5)  # a thread of the library would write meanwhile
"""


def test_nothing_is_written_into_the_home_and_nobody_is_asked(tmp_path):
    """Left to itself, onnxruntime makes a device id there when it is imported, to send it later."""
    env = {**os.environ, "HOME": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    env = {name: value for name, value in env.items() if not name.startswith("XDG_")}
    subprocess.run([sys.executable, "-c", ENCODE], env=env, check=True, timeout=120)
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")) == []
