"""A LangGraph checkpointer over agent memory: thin, and made of nothing but the published API.

    checkpoint  ->  stash("<thread>/<namespace>/<id>", …)
    writes      ->  update("<thread>/<namespace>/<id>/writes", …): two tasks at once lose nothing

Threads and namespaces are escaped, so a key says what it is; ids ascend with time, so keys are in order.
"""

from __future__ import annotations

import asyncio
from base64 import b64decode, b64encode
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

from langgraph.checkpoint.base import (
    WRITES_IDX_MAP,
    BaseCheckpointSaver,
    CheckpointTuple,
    get_checkpoint_id,
    get_checkpoint_metadata,
)

if TYPE_CHECKING:
    from langchain_core.runnables import RunnableConfig

    from quarterdeck.memory.short_term import ShortTermMemory

WRITES = "/writes"


def key_of(*parts: Any) -> str:
    """``thread/``, ``thread/namespace/`` or ``thread/namespace/id``."""
    escaped = [quote(part, safe="") for part in parts]
    return "/".join(escaped if len(escaped) == 3 else [*escaped, ""])


def place(config: Any) -> tuple[str, str]:
    """The thread and the namespace of a configuration."""
    there = config["configurable"]
    return there["thread_id"], there.get("checkpoint_ns", "")


def at(thread: str, namespace: str, name: str | None) -> RunnableConfig:
    """The configuration that names a checkpoint, or (None) the latest."""
    there = {"thread_id": thread, "checkpoint_ns": namespace}
    return {"configurable": there if name is None else {**there, "checkpoint_id": name}}


def in_a_thread(name: str) -> Any:
    """The method of that name, for asyncio."""

    async def call(self: object, *arguments: Any, **named: Any) -> Any:
        return await asyncio.to_thread(getattr(self, name), *arguments, **named)

    return call


class MemoryCheckpointer(BaseCheckpointSaver[Any]):
    """Checkpoints in the working memory of one agent, which should keep nothing else there."""

    def __init__(self, memory: ShortTermMemory) -> None:
        super().__init__()
        self.memory = memory

    def put(self, config: Any, checkpoint: Any, metadata: Any, new_versions: Any) -> RunnableConfig:
        """One entry per checkpoint, with all its channels."""
        value = {
            "checkpoint": self._packed(checkpoint),
            "metadata": dict(get_checkpoint_metadata(config, metadata)),
            "parent": get_checkpoint_id(config),
        }
        self.memory.stash(key_of(*place(config), checkpoint["id"]), value)
        return at(*place(config), checkpoint["id"])

    def put_writes(self, config: Any, writes: Any, task_id: str, task_path: str = "") -> None:
        """A task's writes are written once, whoever repeats them; an error or interrupt replaces another."""
        new = [
            [task_path, task_id, WRITES_IDX_MAP.get(channel, number), channel, self._packed(value)]
            for number, (channel, value) in enumerate(writes)
        ]

        def add(old: Any) -> Any:
            held = {(each[1], each[2]): each for each in old or []}
            held |= {(e[1], e[2]): e for e in new if e[2] < 0 or (e[1], e[2]) not in held}
            return [*held.values()]

        self.memory.update(key_of(*place(config), get_checkpoint_id(config)) + WRITES, add)

    def get_tuple(self, config: Any) -> CheckpointTuple | None:
        """The checkpoint that is named, else the latest."""
        return next(self.list(at(*place(config), get_checkpoint_id(config))), None)

    def list(self, config: Any, *, filter: Any = None, before: Any = None, limit: int | None = None) -> Any:  # noqa: A002 - LangGraph's name
        """Newest first, in each namespace."""
        there = config["configurable"] if config else {}
        parts = [part for part in (there.get("thread_id"), there.get("checkpoint_ns")) if part is not None]
        wanted, earlier_than = there.get("checkpoint_id"), before and get_checkpoint_id(before)
        for key in reversed(self._keys(*parts)):
            name = key.rpartition("/")[2]
            if key.endswith(WRITES) or wanted not in (None, name) or (earlier_than and name >= earlier_than):
                continue
            found: Any = self.memory.retrieve_batch([key, key + WRITES])
            if key in found and (filter or {}).items() <= found[key]["metadata"].items():
                if limit is not None and (limit := limit - 1) < 0:
                    return
                yield self._tuple(key, found[key], found.get(key + WRITES, ()))

    def delete_thread(self, thread_id: str) -> None:
        """With all that was written for it, at one instant."""
        self._drop(self._keys(thread_id))

    def delete_for_runs(self, run_ids: Any) -> None:
        """The checkpoints that those runs have made."""
        gone = [each.config for each in self.list(None) if each.metadata.get("run_id") in run_ids]
        keys = [key_of(*place(config), get_checkpoint_id(config)) for config in gone]
        self._drop([*keys, *(key + WRITES for key in keys)])

    def copy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        """All in one go."""
        source, target = key_of(source_thread_id), key_of(target_thread_id)
        found = self.memory.retrieve_batch(self._keys(source_thread_id))
        self.memory.stash_batch({target + key.removeprefix(source): value for key, value in found.items()})

    def prune(self, thread_ids: Any, *, strategy: str = "keep_latest") -> None:
        """Keep the latest checkpoint of each namespace, or (``delete``) none."""
        for keys in map(self._keys, thread_ids):
            latest = {key.removesuffix(WRITES).rpartition("/")[0]: key.removesuffix(WRITES) for key in keys}
            kept = set() if strategy == "delete" else {*latest.values()}
            self._drop([key for key in keys if key.removesuffix(WRITES) not in kept])

    aput, aput_writes, aget_tuple, adelete_thread, adelete_for_runs, acopy_thread, aprune = map(
        in_a_thread,
        ("put", "put_writes", "get_tuple", "delete_thread", "delete_for_runs", "copy_thread", "prune"),
    )

    async def alist(self, config: Any, **named: Any) -> Any:
        """`list`, read as a whole."""
        for each in await asyncio.to_thread(lambda: [*self.list(config, **named)]):
            yield each

    def _tuple(self, key: str, value: Any, writes: Any) -> CheckpointTuple:
        thread, namespace, name = map(unquote, key.split("/"))
        return CheckpointTuple(
            config=at(thread, namespace, name),
            checkpoint=self._unpacked(value["checkpoint"]),
            metadata=value["metadata"],
            parent_config=at(thread, namespace, value["parent"]) if value["parent"] else None,
            pending_writes=[
                (task, channel, self._unpacked(packed))
                for _, task, _, channel, packed in sorted(writes)  # by path, task and number
            ],
        )

    def _keys(self, *parts: str) -> Any:
        return [key.key for key in self.memory.keys(key_of(*parts) if parts else "")]

    def _drop(self, keys: Any) -> None:
        if keys:
            self.memory.transaction(keys, dict.fromkeys)

    def _packed(self, value: object) -> Any:
        kind, data = self.serde.dumps_typed(value)
        return [kind, b64encode(data).decode()]

    def _unpacked(self, packed: Any) -> Any:
        return self.serde.loads_typed((packed[0], b64decode(packed[1])))
