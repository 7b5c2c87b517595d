"""When an agent deletes a transcript by itself, by what its settings say."""

from __future__ import annotations

import json
import os
import re

from quarterdeck.costs.importers.transcript import open_plain

DEFAULT_DAYS = 30
"""After which Claude Code and Gemini CLI delete what has not changed, unless they are told otherwise."""

_MAX_SETTINGS_BYTES = 1 << 20
_AGE = re.compile(r"(\d{1,6})([hdwm])", re.ASCII)
_AGE_DAYS = {"h": 1 / 24, "d": 1, "w": 7, "m": 30}


def retention_days(source: str, place: str) -> float | None:
    """After how many days without a change *source* deletes a transcript in *place*; None: never."""
    settings = _settings(os.path.join(os.path.dirname(place), "settings.json"))
    if source == "claude-code":
        days = settings.get("cleanupPeriodDays", DEFAULT_DAYS)
        if not isinstance(days, int | float):
            return DEFAULT_DAYS
        return days or None  # 0: it does not even write them
    if source == "gemini-cli":
        general = settings.get("general")
        retention = general.get("sessionRetention") if isinstance(general, dict) else None
        if not isinstance(retention, dict):
            return DEFAULT_DAYS
        age = _AGE.fullmatch(str(retention.get("maxAge", "")))
        if retention.get("enabled") is False:
            return None
        return int(age[1]) * _AGE_DAYS[age[2]] if age else DEFAULT_DAYS
    return None


def _settings(path: str) -> dict[str, object]:
    """What an agent's settings say; nothing where they cannot be understood."""
    try:
        with open_plain(path) as file:
            found = json.loads(file.read(_MAX_SETTINGS_BYTES))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
