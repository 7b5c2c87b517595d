"""Patterns as files, out of a library and into one: JSONL, or folders of Agent Skills.

    export_jsonl ── lines ── fields ──────────────▶ JSON lines: patterns with their past, then links
    export_skills ─ skill (text) ─ head (YAML) ───▶ <name>/SKILL.md, for other tools and people

    import_jsonl ── lines ── fields ──────┐
    import_skills ─ head ─ skill ─────────┴─ intake ─▶ the library, in batches: each as a whole or not at all

What is read is a stranger's: nothing in it is executed, no link in it is followed, and what cannot be a
pattern is set aside with its reason while the rest goes on.
"""

from __future__ import annotations

from quarterdeck.patterns.exchange.intake import Imported, Refused
from quarterdeck.patterns.exchange.jsonl import export_jsonl, import_jsonl
from quarterdeck.patterns.exchange.skills import export_skills, import_skills

__all__ = ["Imported", "Refused", "export_jsonl", "export_skills", "import_jsonl", "import_skills"]
