"""What a user can set about the index: ``[tool.quarterdeck.index]``."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from quarterdeck import config

Progress = Callable[[int, int], None]
"""Told (files done, files to do) while files are read."""


class IndexConfig(NamedTuple):
    """Settings of the index; see `quarterdeck.config` for where they may stand.

    Attributes:
        exclude_patterns: more files to leave out, as lines of a ``.gitignore``.
        no_test_patterns: globs (``*`` crosses no ``/``, ``**`` does) of files that need no tests.
        source_dirs: folders to import from, besides the root and those found (``src`` …).
        staleness_threshold_days: a file this many days newer than its tests is stale.
        low_coverage_threshold: percent below which coverage wants attention.
        high_impact_threshold: impact score from which a file counts as high impact.
        high_complexity_threshold: complexity of one function from which a file wants attention.
        churn_days: how far back hot spots look into the history.
        submodules: scan submodules and nested repositories too.
        max_file_bytes: larger files are counted and hashed but not parsed.
        lint: count ruff's findings per file (needs ``ruff`` on PATH; costs one run of it per refresh).
        workers: processes that read and parse; 0 means one for each processor.
    """

    exclude_patterns: tuple[str, ...] = ()
    no_test_patterns: tuple[str, ...] = ()
    source_dirs: tuple[str, ...] = ()
    staleness_threshold_days: int = 7
    low_coverage_threshold: float = 50.0
    high_impact_threshold: float = 5.0
    high_complexity_threshold: int = 15
    churn_days: int = 365
    submodules: bool = False
    max_file_bytes: int = 2_000_000
    lint: bool = False
    workers: int = 0


def load_config(root: str) -> IndexConfig:
    """The settings in force for the project at *root*, as `quarterdeck.config` finds them.

    Raises:
        ConfigError: they are wrong.
    """
    return config.load(IndexConfig, "index", root).values
