"""How many findings ruff has per file, where the user asked for it."""

from __future__ import annotations

import json
import os

from quarterdeck.index.disk.programs import find_program


def lint_counts(root: str) -> dict[str, int] | None:
    """Findings per file (relative path), by the project's own ruff settings; one run of ruff.

    None when there is no ``ruff`` on PATH, or when it gives no answer: then nothing is known, which
    is not the same as no findings.
    """
    import subprocess

    ruff = find_program("ruff")
    if not ruff:
        return None
    try:
        done = subprocess.run(  # noqa: S603 - a program the user installed, with fixed arguments
            [ruff, "check", "--quiet", "--no-cache", "--exit-zero", "--output-format", "json", "."],
            cwd=root,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=300,
            check=False,
        )
        findings = json.loads(done.stdout)
        counts: dict[str, int] = {}
        for finding in findings:
            path = os.path.relpath(finding["filename"], root).replace(os.sep, "/")
            counts[path] = counts.get(path, 0) + 1
    except (OSError, subprocess.SubprocessError, ValueError, TypeError, KeyError):
        return None
    return counts
