"""What the server does in one step, in Lua; loaded when it is first needed, by its hash after that.

Every script gets its keys by name (KEYS), all of one slot. Replies inside a script are as in RESP2: an absent
value is ``false``, a score is text. Bytes stay bytes: nothing here looks into a value.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

Word = str | bytes | int
Command = tuple[Word, ...]

SOURCES: dict[str, str] = {}
"""The scripts by their hashes, for a server that has lost them."""


class Script:
    """One script; `on` makes a command of it."""

    __slots__ = ("_sha",)

    def __init__(self, source: str) -> None:
        self._sha = hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest()
        SOURCES[self._sha] = source

    def on(self, keys: Sequence[str], arguments: Sequence[Word] = ()) -> Command:
        """The command that runs it on *keys*."""
        return ("EVALSHA", self._sha, len(keys), *keys, *arguments)


READ = Script("""
local found = {}
for i, key in ipairs(KEYS) do
  local value = redis.pcall('GET', key)
  found[2 * i - 1] = value
  found[2 * i] = value and redis.call('PTTL', key) or -2
end
return found
""")
"""Of every key its value and how long it lives, at one instant: value, ms, value, ms, …; -1 is for ever."""

MEASURE = Script("""
local found = {}
for i, key in ipairs(KEYS) do
  local size = redis.pcall('STRLEN', key)
  found[2 * i - 1] = type(size) == 'number' and size or -1
  found[2 * i] = redis.call('PTTL', key)
end
return found
""")
"""Of every key its size (-1: it is no string) and how long it lives."""

WRITE = Script("""
local checks, puts = tonumber(ARGV[1]), tonumber(ARGV[2])
for i = 1, checks do
  local wanted, value = ARGV[2 * i + 1], redis.call('GET', KEYS[i])
  if wanted == '' then
    if value then return 0 end
  elseif value ~= ARGV[2 * i + 2] then
    return 0
  end
end
local at = 2 + 2 * checks
for i = checks + 1, checks + puts do
  local ttl = ARGV[at + 2]
  if ttl == '' then
    redis.call('SET', KEYS[i], ARGV[at + 1])
  elseif ttl == 'keep' then
    redis.call('SET', KEYS[i], ARGV[at + 1], 'KEEPTTL')
  else
    redis.call('SET', KEYS[i], ARGV[at + 1], 'PX', ttl)
  end
  at = at + 2
end
for i = checks + puts + 1, #KEYS do
  redis.call('UNLINK', KEYS[i])
end
return 1
""")
"""Check, put, remove; 0 when a check failed. Arguments: how many checks and puts; of every check whether the
value must be there ('' for not) and the value; of every put the value and its ms ('' for ever,
'keep' for as long as it still has)."""

# Logs: KEYS are the sorted set (a member is a number in 16 digits), the hash of the data, and for ADD the
# hash with the last number of the space.

ADD = Script("""
local score, keep, ttl = ARGV[1], ARGV[2], ARGV[3]
local items = #ARGV - 3
local time = redis.call('TIME')
local now = math.min(tonumber(time[1]) * 1000000 + tonumber(time[2]), 2 ^ 52)
local given = tonumber(redis.call('HGET', KEYS[3], 'number') or 0)
local first = math.max(given + 1, now)
local last = first + items - 1
if last >= 2 ^ 53 then return redis.error_reply('ERR no number is left for an item') end
redis.call('HSET', KEYS[3], 'number', string.format('%.0f', last))
local left = redis.call('PTTL', KEYS[1])
if left == -2 then redis.call('UNLINK', KEYS[2]) end
for i = 1, items do
  local number = first + i - 1
  local member = string.format('%016.0f', number)
  redis.call('ZADD', KEYS[1], score == '' and string.format('%.0f', number) or score, member)
  redis.call('HSET', KEYS[2], member, ARGV[i + 3])
end
if keep ~= '' then
  local extra = redis.call('ZCARD', KEYS[1]) - tonumber(keep)
  if extra > 0 then
    for _, member in ipairs(redis.call('ZRANGE', KEYS[1], 0, extra - 1)) do
      redis.call('HDEL', KEYS[2], member)
    end
    redis.call('ZREMRANGEBYRANK', KEYS[1], 0, extra - 1)
  end
end
if ttl == '' then
  redis.call('PERSIST', KEYS[1])
  redis.call('PERSIST', KEYS[2])
elseif left ~= -1 and left < tonumber(ttl) then
  redis.call('PEXPIRE', KEYS[1], ttl)
  redis.call('PEXPIRE', KEYS[2], tonumber(ttl) + 1000)
end
return string.format('%.0f', last)
""")
"""Adds items and returns the last number.

A number is at least the time in microseconds: a server that has forgotten what it gave (it was restarted, or
its replica lagged behind when it took over) still gives higher ones, so nobody who has read up to some number
misses what comes. From 2112 on they only count.

The data lives a little longer than the set that names it, and what an earlier set of the name has left is
removed. A full server refuses a script at its first command that needs memory, and lets it do everything once
it has written: so the first write here needs memory."""

ITEMS = Script("""
local found, order, from, to = {}, 'ZRANGEBYSCORE', ARGV[1], ARGV[2]
if ARGV[4] ~= '' then order, from, to = 'ZREVRANGEBYSCORE', to, from end
local members = redis.call(order, KEYS[1], from, to, 'WITHSCORES', 'LIMIT', 0, ARGV[3])
for i = 1, #members, 2 do
  local data = redis.call('HGET', KEYS[2], members[i])
  if data then
    found[#found + 1] = members[i]
    found[#found + 1] = members[i + 1]
    found[#found + 1] = data
  end
end
return found
""")
"""Number, score, data, number, … Arguments: lowest and highest score, how many (-1: all), '' for oldest
first."""

TAKE = Script("""
local found = {}
local members = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'WITHSCORES', 'LIMIT', 0, ARGV[2])
for i = 1, #members, 2 do
  local data = redis.call('HGET', KEYS[2], members[i])
  if data and ARGV[3] ~= '' then
    redis.call('ZADD', KEYS[1], ARGV[3], members[i])
  else
    redis.call('ZREM', KEYS[1], members[i])
    redis.call('HDEL', KEYS[2], members[i])
  end
  if data then
    found[#found + 1] = members[i]
    found[#found + 1] = ARGV[3] ~= '' and ARGV[3] or members[i + 1]
    found[#found + 1] = data
  end
end
return found
""")
"""As ITEMS, of what is removed, or with a third argument that is not '': of what has that score now. What has
lost its data (a server that evicts) is removed."""

MOVE = Script("""
local moved, was, to = 0, ARGV[1], ARGV[2]
for i = 3, #ARGV do
  local score = redis.call('ZSCORE', KEYS[1], ARGV[i])
  if score and (was == '' or tonumber(score) == tonumber(was)) then
    if to == '' then
      redis.call('ZREM', KEYS[1], ARGV[i])
      redis.call('HDEL', KEYS[2], ARGV[i])
    else
      redis.call('ZADD', KEYS[1], to, ARGV[i])
    end
    moved = moved + 1
  end
end
return moved
""")
"""Removes members, or gives them the score of the second argument if that is not ''; with a first one that is
not '' only those that have that score now. Returns how many."""

DROP = Script("""
local dropped = 0
for i = 1, #KEYS, 2 do
  dropped = dropped + redis.call('UNLINK', KEYS[i])
  redis.call('UNLINK', KEYS[i + 1])
end
return dropped
""")
"""Removes logs (set, hash, set, hash, …); returns how many there were."""
