"""The Lua scripts, each behind one typed function elsewhere in the store.

A script is the only place where two facts are compared and one is written: what must be true together is
true together. All keys of a call share the hash tag of one shard; the keys of a user are made from the shard's prefix
inside the script, so that a batch of facts stays one short call.
"""

from __future__ import annotations

from hashlib import sha1

FINISHED_KEPT = 500
FILLS_KEPT = 1000


class Script:
    def __init__(self, source: str) -> None:
        self.source = source
        self.sha = sha1(source.encode()).hexdigest()  # noqa: S324 - Redis names scripts by it


RECORD = Script(
    """
-- KEYS[1] the shard's fence. ARGV[1] the writer's fence, or '' for a writer without a lease; then seven for each fact:
-- user, kind, field, head (rank and gist), final ('1', '0', or '-': no record), JSON, and whose an order is: its client
-- order id where the writer cannot know, '=' where it is ours, else ''.
-- Answers the id of each fact's event, '' for a fact that was no news, or FENCED.
local newest = redis.call('GET', KEYS[1]) or '0'
if ARGV[1] ~= '' and ARGV[1] ~= newest then
  return redis.error_reply('FENCED ' .. newest)
end
local prefix = string.sub(KEYS[1], 1, -6) .. 'u:'
local ids = {}
for i = 2, #ARGV, 7 do
  local kind, field, head, final, json, whose = ARGV[i+1], ARGV[i+2], ARGV[i+3], ARGV[i+4], ARGV[i+5], ARGV[i+6]
  local base = prefix .. ARGV[i] .. ':'
  local records = base .. 'records'
  local last, news, stored = false, true, nil
  if kind == 'fill' then
    last = redis.call('HGET', records, '@last')
    news = redis.call('HSETNX', base .. 'fills', field, json) == 1
    if news and redis.call('RPUSH', base .. 'filled', field) > FILLS_KEPT then
      redis.call('HDEL', base .. 'fills', redis.call('LPOP', base .. 'filled'))
    end
  elseif final == '-' then
    last = redis.call('HGET', records, '@last')
  else
    -- The head stands beside the record, so that comparing does not carry a kilobyte into Lua and back.
    local pair = redis.call('HMGET', records, '~' .. field, '@last')
    local known, mark, told = pair[1], 'x', false
    last = pair[2]
    if known then
      mark = string.sub(known, 1, 1)
      known = string.sub(known, 2)
      news = head > known
      told = news and string.sub(known, string.find(known, '\\n', 1, true), -1)
        == string.sub(head, string.find(head, '\\n', 1, true), -1)
    end
    if news then
      -- An intent is written before its order leaves, so it is looked for only when the order is first seen.
      if whose == '=' or (whose ~= '' and not known and redis.call('EXISTS', base .. 'intent:' .. whose) == 1) then
        mark = 'g'
      end
      if mark == 'g' and whose ~= '=' then
        json = string.gsub(json, '"origin":"external"', '"origin":"gateway"', 1)
      end
      stored = mark .. head
      if final == '1' and not (known and string.sub(known, 1, 1) == '1')
          and redis.call('RPUSH', base .. 'finished', field) > FINISHED_KEPT then
        local gone = redis.call('LPOP', base .. 'finished')
        redis.call('HDEL', records, gone, '~' .. gone)
      end
      news = not told
    end
  end
  if news then
    local events = base .. 'events'
    local id = redis.call('XADD', events, '*', 'k', kind, 'd', json)
    if stored then
      redis.call('HSET', records, field, json, '~' .. field, stored, '@last', id)
    else
      redis.call('HSET', records, '@last', id)
    end
    redis.call('PUBLISH', events, (last or '0-0') .. ' ' .. id .. ' ' .. kind .. ' ' .. json)
    ids[#ids + 1] = id
  else
    if stored then redis.call('HSET', records, field, json, '~' .. field, stored) end
    ids[#ids + 1] = ''
  end
end
return ids
""".replace("FINISHED_KEPT", str(FINISHED_KEPT)).replace("FILLS_KEPT", str(FILLS_KEPT))
)

TRIM = Script(
    """
-- KEYS[1] a user's events, KEYS[2] the same user's records. ARGV[1] how many events to keep.
if redis.call('XTRIM', KEYS[1], 'MAXLEN', ARGV[1]) > 0 then
  redis.call('HSET', KEYS[2], '@trimmed', '1')
end
return 1
"""
)

CLAIM = Script(
    """
-- KEYS lease, fence. ARGV worker, ttl in ms, the owner it is taken from ('' when it must be free).
-- Answers the new fence, or 0 when somebody else owns the shard.
local owner = redis.call('GET', KEYS[1])
if owner and owner ~= ARGV[3] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return redis.call('INCR', KEYS[2])
"""
)

RENEW = Script(
    """
-- KEYS[1] lease, KEYS[2] fence. ARGV worker, ttl in ms, fence. Answers 1 while the worker still owns the shard.
if redis.call('GET', KEYS[1]) ~= ARGV[1] or redis.call('GET', KEYS[2]) ~= ARGV[3] then return 0 end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1
"""
)

RELEASE = Script(
    """
-- KEYS[1] lease. ARGV[1] worker.
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
"""
)

BEAT = Script(
    """
-- KEYS[1] the workers. ARGV worker, its heartbeat as JSON ('' says goodbye), how long a silent one is kept in ms.
-- Answers Redis' own time in ms and every worker's `time JSON`, so that no two clocks are compared.
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
if ARGV[2] == '' then
  redis.call('HDEL', KEYS[1], ARGV[1])
elseif ARGV[1] ~= '' then
  redis.call('HSET', KEYS[1], ARGV[1], string.format('%.0f', now) .. ' ' .. ARGV[2])
end
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  if now - tonumber(string.match(all[i+1], '^%d+')) > tonumber(ARGV[3]) then redis.call('HDEL', KEYS[1], all[i]) end
end
return {string.format('%.0f', now), all}
"""
)

WANT = Script(
    """
-- KEYS wishes, turn. ARGV field, the wish as JSON ('' takes it back). Answers 1 when something changed.
if ARGV[2] == '' then
  if redis.call('HDEL', KEYS[1], ARGV[1]) == 0 then return 0 end
else
  if redis.call('HGET', KEYS[1], ARGV[1]) == ARGV[2] then return 0 end
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
end
redis.call('INCR', KEYS[2])
return 1
"""
)

INTEND = Script(
    """
-- KEYS intent, unresolved. ARGV the intent as JSON, its lifetime in ms, member, now in ms.
-- Answers '' when it is new, else the intent that was there before.
if not redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2], 'NX') then return redis.call('GET', KEYS[1]) end
redis.call('ZADD', KEYS[2], ARGV[4], ARGV[3])
return ''
"""
)

RESOLVE = Script(
    """
-- KEYS intent, unresolved. ARGV the intent with its outcome as JSON, its lifetime in ms, member,
-- '1' when the outcome is known. A known outcome is never replaced.
local known = redis.call('GET', KEYS[1])
if known and string.find(known, '"outcome":"accepted"', 1, true) then return 0 end
if known and string.find(known, '"outcome":"rejected"', 1, true) then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
if ARGV[4] == '1' then redis.call('ZREM', KEYS[2], ARGV[3]) end
return 1
"""
)
