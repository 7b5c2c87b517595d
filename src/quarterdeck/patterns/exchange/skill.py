"""A pattern as a SKILL.md, in the Agent Skills format (agentskills.io), and a SKILL.md as a pattern.

    ---
    name: sqlite-busy-timeout           the id, or a name made of it
    description: 'Set a busy timeout. Waits for locks … Applies when: language=python.'
    metadata:
      quarterdeck-format: '1'           this is ours: what follows are the fields of the pattern
      quarterdeck-id: sqlite-busy-timeout
      quarterdeck-sections: context code
    ---

    # Set a busy timeout

    The description, as it is, of any number of lines.

    ## When it holds                    the context, if there is one

    ## Example                          the code, if there is some; a fence that is longer than any in it

The sections are looked for from the end, and only those that the head names: so a description comes back
as it was, whatever it contains, and a person may edit all of it. A file without our metadata is a skill that
somebody has written: its description and body together are the description of the pattern.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any

import msgspec

from quarterdeck.errors import StoreTooNew, UsageError
from quarterdeck.patterns import checks
from quarterdeck.patterns.exchange import head
from quarterdeck.patterns.exchange.fields import fields_of, pattern_of, strict_json
from quarterdeck.patterns.model import Pattern
from quarterdeck.patterns.rendering.markdown import as_text, fenced, language_of
from quarterdeck.words import harmless

if TYPE_CHECKING:
    from collections.abc import Mapping

VERSION = "1"
MAX_NAME = 64
MAX_SUMMARY = 1024
"""Characters of a description in the head, by the format."""
_NAME = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_HASHED = re.compile(r"(?:.*-)?[0-9a-f]{12}")
_OURS = "quarterdeck-"
_IN_THE_BODY = frozenset(("name", "description", "context", "code"))
_IN_THE_HEAD = tuple(name for name in Pattern.__struct_fields__ if name not in _IN_THE_BODY)
_AS_JSON = frozenset(("confidence", "tags", "usage_count", "success_count", "failure_count"))
_AVOID = "> **Avoid this:** it has failed before.\n\n"
_CONTEXT = "\n## When it holds\n\n"
_CODE = "\n## Example\n\n"
_BRACKETS = str.maketrans("<>", "\u2039\u203a")


def skill_name(pattern_id: str) -> str:
    """The id as a name the format allows: itself if it is one, else the like of it with a hash of it.

    No name with a hash is the name of an id without: an id that looks so gets one, too.
    """
    if _NAME.fullmatch(pattern_id) and len(pattern_id) <= MAX_NAME and not _HASHED.fullmatch(pattern_id):
        return pattern_id
    digest = hashlib.sha256(pattern_id.encode()).hexdigest()[:12]
    like = re.sub(r"[^a-z0-9]+", "-", pattern_id.lower())[: MAX_NAME - len(digest) - 1]
    return f"{like.strip('-')}-{digest}".strip("-")


def skill_of(pattern: Pattern) -> str:
    """*pattern* as the text of a SKILL.md; the same pattern gives the same text."""
    sections = [
        name for name, there in (("context", pattern.context), ("code", pattern.code is not None)) if there
    ]
    metadata = {f"{_OURS}format": VERSION}
    for name, value in fields_of(pattern).items():
        if name not in _IN_THE_BODY:
            metadata[_key(name)] = as_text(value)
    if sections:
        metadata[f"{_OURS}sections"] = " ".join(sections)
    named = {"name": skill_name(pattern.id), "description": _summary(pattern)}
    return f"{head.head_of(named, metadata)}\n{_body(pattern)}"


def pattern_in(text: str, folder: str, agent_id: str) -> Pattern:
    """The pattern that a SKILL.md says.

    Args:
        text: of the file.
        folder: its name, which names a skill that has none itself.
        agent_id: who is said to have learned what a skill of other people says.

    Raises:
        StoreTooNew: a newer Quarterdeck wrote it.
        UsageError: it is no skill, or cannot be a pattern.
    """
    fields, body = head.split(text)
    metadata = _metadata(fields)
    if f"{_OURS}format" not in metadata:
        return _foreign(fields, metadata, body, folder, agent_id)
    if metadata[f"{_OURS}format"] != VERSION:
        raise StoreTooNew("a newer Quarterdeck wrote it", hint="update Quarterdeck")
    return _own(metadata, body)


def written_id(text: str) -> str | None:
    """The id of the pattern that we have written as *text*; None when somebody else has written it."""
    try:
        fields, _ = head.split(text)
    except UsageError:
        return None
    found = _metadata(fields).get(_key("id"))
    return found if isinstance(found, str) else None


def _metadata(fields: Mapping[str, Any]) -> dict[str, Any]:
    metadata = fields.get("metadata")
    return metadata if isinstance(metadata, dict) else {}


def _key(field: str) -> str:
    return _OURS + field.replace("_", "-")


def _summary(pattern: Pattern) -> str:
    """What it does and when to use it, on one line, without brackets that could end a tag of a prompt."""
    when = ", ".join(f"{key}={as_text(value)[:100]}" for key, value in pattern.context.items())
    last = f" Applies when: {when}"[:300] if when else ""
    first = "Avoid: " if pattern.lesson == "avoid" else ""
    said = " ".join(f"{first}{pattern.name}. {pattern.description[:MAX_SUMMARY]}".split())
    if len(said) + len(last) > MAX_SUMMARY:
        said = f"{said[: MAX_SUMMARY - len(last) - 1]}…"
    return " ".join(f"{said}{last}".translate(_BRACKETS).split())


def _body(pattern: Pattern) -> str:
    avoid = _AVOID if pattern.lesson == "avoid" else ""
    parts = [f"# {pattern.name}\n\n{avoid}{pattern.description}\n"]
    if pattern.context:
        encode = msgspec.json.encode
        lines = [
            f"  {encode(key).decode()}: {encode(value).decode()}" for key, value in pattern.context.items()
        ]
        parts.append(_section(_CONTEXT, "{\n" + ",\n".join(lines) + "\n}", "json"))
    if pattern.code is not None:
        parts.append(_section(_CODE, pattern.code, language_of(pattern)))
    return "".join(parts)


def _section(heading: str, text: str, language: str) -> str:
    return f"{heading}{fenced(text, language)}\n"


def _own(metadata: Mapping[str, Any], body: str) -> Pattern:
    found: dict[str, Any] = {}
    for name in _IN_THE_HEAD:
        if (value := metadata.get(_key(name))) is not None:
            found[name] = strict_json(value) if name in _AS_JSON and isinstance(value, str) else value
    sections = str(metadata.get(f"{_OURS}sections", "")).split()
    rest = body.removeprefix("\n")
    if "code" in sections:
        rest, found["code"] = _last_section(rest, _CODE)
    if "context" in sections:
        rest, context = _last_section(rest, _CONTEXT)
        found["context"] = strict_json(context)
    title, _, description = rest.partition("\n")
    found["name"] = title.removeprefix("# ")
    description = description.removeprefix("\n")
    if found.get("lesson") == "avoid":
        description = description.removeprefix(_AVOID)
    return pattern_of({**found, "description": description.removesuffix("\n")})


def _last_section(text: str, heading: str) -> tuple[str, str]:
    """What is before the last section of *text*, and what is in its fence."""
    inside = text.rstrip()
    fence = inside[len(inside.rstrip("`")) :]
    before, found, section = inside.removesuffix(fence).rpartition(f"{heading}{fence}")
    _, opened, content = section.partition("\n")
    if len(fence) < 3 or not (found and opened and section.endswith("\n")):
        raise UsageError(f'its last section is not "{heading.strip()}"', hint="see how an export writes it")
    return before, content.removesuffix("\n")


def _foreign(
    fields: Mapping[str, Any], metadata: Mapping[str, Any], body: str, folder: str, agent_id: str
) -> Pattern:
    name = _line(fields.get("name")) or _line(folder)
    described = fields.get("description")
    told = [part for part in (described, body) if isinstance(part, str) and part.strip()]
    if not told:
        raise UsageError("it has neither a description nor a body", hint="say what to do, and when")
    source = f"{harmless(folder)}/SKILL.md"
    if license_name := _line(fields.get("license")):
        source = f"{source}, license: {license_name}"
    context = {"compatibility": fields["compatibility"]} if _line(fields.get("compatibility")) else {}
    return Pattern(
        id=_identity(name),
        agent_id=agent_id,
        pattern_type="skill",
        name=name,
        description="\n\n".join(part.strip() for part in told),
        context=context,
        tags=_tags(fields.get("tags", metadata.get("tags"))),
        source=source[: checks.MAX_LINE],
    )


def _line(value: object) -> str:
    """*value* on one line; nothing, if it is no text."""
    return harmless(" ".join(value.split()))[: checks.MAX_LINE] if isinstance(value, str) else ""


def _tags(value: object) -> list[str]:
    """Tags as people write them: a list, or a line with commas."""
    given = value.split(",") if isinstance(value, str) else value if isinstance(value, list) else []
    return list(filter(None, map(_line, given)))[: checks.MAX_TAGS]


def _identity(name: str) -> str:
    try:
        return checks.identity(name)
    except UsageError:
        return skill_name(name)
