"""The Lua scripts, each behind one typed function elsewhere in the store.

A script is the only place where two facts are compared and one is written: what must be true together is
true together. All keys of a call share the hash tag of one shard; the keys of a user are made from the shard's prefix
inside the script, so that a batch of facts stays one short call.
"""

from __future__ import annotations

from hashlib import sha1

FINISHED_KEPT = 500
REMEMBERED = 20_000
"""How many fills, and finished records beyond those that are kept, are still known when the venue tells them again. It
tells what happened in the last two minutes, and no venue takes more than this from one account in that time."""
AUDIT_TRIMMED = 1000
"""The audit log loses its oldest so many at once, and remembers the last one's hash."""
BUDGET_SLOTS = 20
"""What was spent is given back in so many steps of its span, hence up to a twentieth of it late."""


class Script:
    def __init__(self, source: str) -> None:
        self.source = source
        self.sha = sha1(source.encode()).hexdigest()  # noqa: S324 - Redis names scripts by it


RECORD = Script(
    """
-- KEYS[1] the shard's fence. ARGV[1] the writer's fence, or '' for a writer without a lease; then seven for each fact:
-- user, kind, field, head (rank and gist), final ('1', '0', or '-': no record), JSON, and whose an order or trigger is:
-- its client order id where the writer cannot know, '=' where it is ours, else ''.
-- A venue's row may not say which order a trigger belongs to; who knows says it once and it stays, whoever comes first.
-- The order that a fired trigger became is told its trigger as parent: '^order' keeps that until the order comes.
-- Of a finished record that is let go the head stays in `gone`, so that what is told again late is no news.
-- Answers the id of each fact's event, '' for a fact that was no news, or FENCED.
local newest = redis.call('GET', KEYS[1]) or '0'
if ARGV[1] ~= '' and ARGV[1] ~= newest then
  return redis.error_reply('FENCED ' .. newest)
end
local prefix = string.sub(KEYS[1], 1, -6) .. 'u:'
local ids = {}
local function of_parent(json)
  return string.match(json, '"parent_id":"([^"]*)"')
end
local function with(json, before, after)
  local from, to = string.find(json, before, 1, true)
  return from and string.sub(json, 1, from - 1) .. after .. string.sub(json, to + 1) or json
end
local function linked(json, parent, mark)
  if parent then json = with(json, '"parent_id":null', '"parent_id":"' .. parent .. '"') end
  return mark == 'g' and with(json, '"origin":"external"', '"origin":"gateway"') or json
end
local function tell(base, kind, json, last)
  local id = redis.call('XADD', base .. 'events', '*', 'k', kind, 'd', json)
  redis.call('PUBLISH', base .. 'events', (last or '0-0') .. ' ' .. id .. ' ' .. kind .. ' ' .. json)
  return id
end
local function manner_of(json)
  return string.match(json, '"mode":[^,]*') .. string.match(json, '"leverage":[^,]*,"margin_mode":[^,]*')
end
local function let_go(base, records)
  local field = redis.call('LPOP', base .. 'finished')
  local head = redis.call('HGET', records, '~' .. field)
  redis.call('HDEL', records, field, '~' .. field, '^' .. field)
  if redis.call('HSET', base .. 'gone', field, head) == 1
      and redis.call('RPUSH', base .. 'gone_list', field) > REMEMBERED then
    redis.call('HDEL', base .. 'gone', redis.call('LPOP', base .. 'gone_list'))
  end
end
for i = 2, #ARGV, 7 do
  local kind, field, head, final, json, whose = ARGV[i+1], ARGV[i+2], ARGV[i+3], ARGV[i+4], ARGV[i+5], ARGV[i+6]
  local base = prefix .. ARGV[i] .. ':'
  local records = base .. 'records'
  local last, news, stored = false, true, nil
  if kind == 'fill' then
    last = redis.call('HGET', records, '@last')
    news = redis.call('HSETNX', base .. 'fills', field, '') == 1
    if news and redis.call('RPUSH', base .. 'filled', field) > REMEMBERED then
      redis.call('HDEL', base .. 'fills', redis.call('LPOP', base .. 'filled'))
    end
  elseif final == '-' then
    last = redis.call('HGET', records, '@last')
  else
    -- The head stands beside the record, so that comparing does not carry a kilobyte into Lua and back.
    local pair = redis.call('HMGET', records, '~' .. field, '@last', '^' .. field)
    local kept, mark, told, parent = pair[1], 'x', false, nil
    local known = kept or redis.call('HGET', base .. 'gone', field)
    last = pair[2]
    if known then
      mark = string.sub(known, 1, 1)
      known = string.sub(known, 2)
      news = head > known
      told = news and string.sub(known, string.find(known, '\\n', 1, true), -1)
        == string.sub(head, string.find(head, '\\n', 1, true), -1)
    end
    -- An intent is written before its order leaves, so it is looked for only when the order is first seen.
    if whose == '=' or (whose ~= '' and not known and redis.call('EXISTS', base .. 'intent:' .. whose) == 1) then
      mark = 'g'
    end
    if pair[3] then
      parent = string.sub(pair[3], 2)
      if string.sub(pair[3], 1, 1) == 'g' then mark = 'g' end
    elseif kind == 'trigger' and not known and mark == 'g' and whose ~= '=' then
      -- With the text of an order's intent it is what was attached to that order.
      local intent = redis.call('GET', base .. 'intent:' .. whose)
      parent = string.find(intent, '"action":"place"', 1, true) and string.match(intent, '"order_id":"([^"]*)"')
    elseif kind == 'trigger' and kept then
      local before = redis.call('HGET', records, field)
      parent = of_parent(before)
      if not news and not parent and of_parent(json) then
        -- Older than what is known, and yet it knows more: whose it is.
        head, json, parent = known, before, of_parent(json)
        news, told = true, false
      end
    end
    if news and kind == 'position' then
      local before = kept and redis.call('HGET', records, field)
      if not before or manner_of(before) ~= manner_of(json) then redis.call('INCR', base .. 'leverage_turn') end
    end
    if news then
      json = linked(json, parent, mark)
      stored = mark .. head
      if final == '1' and not (kept and string.sub(known, 1, 1) == '1')
          and redis.call('RPUSH', base .. 'finished', field) > FINISHED_KEPT then
        let_go(base, records)
      end
      news = not told
    end
  end
  if news then
    local id = tell(base, kind, json, last)
    if stored then
      redis.call('HSET', records, field, json, '~' .. field, stored, '@last', id)
    else
      redis.call('HSET', records, '@last', id)
    end
    last = id
    ids[#ids + 1] = id
  else
    if stored then redis.call('HSET', records, field, json, '~' .. field, stored) end
    ids[#ids + 1] = ''
  end
  local child = stored and kind == 'trigger' and string.match(json, '"child_id":"([^"]*)"')
  if child then
    local account, trigger = string.match(field, '^trigger:(.*):([^:]*)$')
    local order = 'order:' .. account .. ':' .. child
    local mark = string.sub(stored, 1, 1)
    if redis.call('HGET', records, '^' .. order) ~= mark .. trigger then
      redis.call('HSET', records, '^' .. order, mark .. trigger)
      local known = redis.call('HMGET', records, order, '~' .. order)
      if known[1] then
        json = linked(known[1], trigger, mark)
        if mark ~= 'g' then mark = string.sub(known[2], 1, 1) end
        local id = tell(base, 'order', json, last)
        redis.call('HSET', records, order, json, '~' .. order, mark .. string.sub(known[2], 2), '@last', id)
      end
    end
  end
end
return ids
""".replace("FINISHED_KEPT", str(FINISHED_KEPT)).replace("REMEMBERED", str(REMEMBERED))
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

SPEND = Script(
    """
-- KEYS[1] a budget: when they are given back -> how many were spent. ARGV how many it has, for how many ms each is
-- spent, how many were spent already, how many the venue says are left ('' when it said nothing), for how many ms that
-- stands (0 when it did not say); then for each who asks, in their order: how many may be spent after it, its cost.
-- Answers how many of them may go, how many are left, in how many ms the next one may, and in how many all are back.
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local count, span = tonumber(ARGV[1]), tonumber(ARGV[2])
local step = span / SLOTS
local slots, used, order, gone, changed = {}, 0, {}, {}, {}
local flat = redis.call('HGETALL', KEYS[1])
for i = 1, #flat, 2 do
  local slot, spent = tonumber(flat[i]), tonumber(flat[i+1])
  if slot * step > now then
    slots[slot], used = spent, used + spent
  else
    gone[#gone+1] = flat[i]
  end
end
-- Given back a little late, so that the venue never counts more in one span than it allows, wherever its span begins.
local function spend(cost, for_ms)
  local slot = math.floor((now + for_ms) / step) + 1
  slots[slot], used, changed[slot] = (slots[slot] or 0) + cost, used + cost, true
end
local told = tonumber(ARGV[3])
if told > 0 then spend(told, span) end
if ARGV[4] ~= '' then
  local for_ms, stands = tonumber(ARGV[5]), 0
  for slot, spent in pairs(slots) do
    if for_ms == 0 or slot * step >= now + for_ms then stands = stands + spent end
  end
  local others = count - tonumber(ARGV[4]) - stands
  if others > 0 then spend(others, for_ms > 0 and for_ms or span) end
end
local going, lacking = 0, 0
for i = 6, #ARGV, 2 do
  local most, cost = tonumber(ARGV[i]), tonumber(ARGV[i+1])
  lacking = used + cost - most
  if lacking > 0 then break end
  spend(cost, span)
  going = going + 1
end
for slot in pairs(slots) do order[#order+1] = slot end
table.sort(order)
local next_ms, back_ms = 0, 0
for _, slot in ipairs(order) do
  back_ms = math.ceil(slot * step - now)
  if lacking > 0 then lacking, next_ms = lacking - slots[slot], back_ms end
end
if #gone > 0 then redis.call('HDEL', KEYS[1], unpack(gone)) end
for slot in pairs(changed) do redis.call('HSET', KEYS[1], string.format('%.0f', slot), slots[slot]) end
if next(changed) then redis.call('PEXPIRE', KEYS[1], back_ms + 1) end
return {going, math.max(count - used, 0), next_ms, back_ms}
""".replace("SLOTS", str(BUDGET_SLOTS))
)

SWAP = Script(
    """
-- KEYS[1] a string. ARGV what it was when it was read, what it should be. Answers 0 when it has changed meanwhile.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'KEEPTTL')
return 1
"""
)

SWAP_FIELD = Script(
    """
-- KEYS[1] a hash. ARGV field, what it was when it was read, what it should be. Answers 0 when it has changed meanwhile.
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
return 1
"""
)

ATTEMPT = Script(
    """
-- KEYS[1] the attempts of a name or an address. ARGV how many are free, the first wait in ms, the longest, and for how
-- long they are remembered. Counts this one, which is forgiven should it succeed: many at once are no way around.
-- Answers 0, or in how many ms the next may be.
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local known = redis.call('HMGET', KEYS[1], 'count', 'until')
if known[2] and now < tonumber(known[2]) then return tonumber(known[2]) - now end
local over = (tonumber(known[1]) or 0) + 1 - tonumber(ARGV[1])
redis.call('HINCRBY', KEYS[1], 'count', 1)
if over > 0 then
  local wait = math.min(tonumber(ARGV[2]) * 2 ^ math.min(over - 1, 30), tonumber(ARGV[3]))
  redis.call('HSET', KEYS[1], 'until', string.format('%.0f', now + wait))
end
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return 0
"""
)

FORGIVE = Script(
    """
-- KEYS[1] the attempts of an address. One of them succeeded; the others stand.
if redis.call('EXISTS', KEYS[1]) == 1 then
  redis.call('HINCRBY', KEYS[1], 'count', -1)
  redis.call('HDEL', KEYS[1], 'until')
end
return 1
"""
)

REFRESH = Script(
    """
-- KEYS[1] a login. ARGV the digest of the token that came, of the one to follow it, and how long that lives in ms.
-- Answers its name, 'gone', or 'reused' with its name: a token that was used before ends the login.
local known = redis.call('HMGET', KEYS[1], 'digest', 'name')
if not known[1] then return {'gone', ''} end
if known[1] ~= ARGV[1] then
  redis.call('DEL', KEYS[1])
  return {'reused', known[2]}
end
redis.call('HSET', KEYS[1], 'digest', ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return {'ok', known[2]}
"""
)

APPEND = Script(
    """
-- KEYS log, head. ARGV the newest hash that the writer knows, how many entries to keep, and two for each new entry: its
-- JSON and its hash. Answers {1, newest hash}, or {0, newest hash} when the writer's is not that: nothing is done.
local newest = redis.call('HGET', KEYS[2], 'hash') or ''
if newest ~= ARGV[1] then return {0, newest} end
for i = 3, #ARGV, 2 do
  redis.call('XADD', KEYS[1], '*', 'e', ARGV[i], 'h', ARGV[i+1])
end
newest = ARGV[#ARGV]
redis.call('HSET', KEYS[2], 'hash', newest)
redis.call('HINCRBY', KEYS[2], 'count', (#ARGV - 2) / 2)
local surplus = redis.call('XLEN', KEYS[1]) - tonumber(ARGV[2])
if surplus >= AUDIT_TRIMMED then
  local gone = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', AUDIT_TRIMMED)
  redis.call('HSET', KEYS[2], 'trimmed', gone[#gone][2][4])
  redis.call('XTRIM', KEYS[1], 'MAXLEN', '=', redis.call('XLEN', KEYS[1]) - #gone)
end
return {1, newest}
""".replace("AUDIT_TRIMMED", str(AUDIT_TRIMMED))
)

COUNT = Script(
    """
-- KEYS what was counted in this span and in the one before. ARGV how many more, how long it is remembered in ms.
local total = redis.call('INCRBY', KEYS[1], ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return {total, tonumber(redis.call('GET', KEYS[2]) or '0')}
"""
)

TAKE_DUE = Script(
    """
-- KEYS[1] things by when they are due. ARGV now in ms, for how long who takes one has it to himself, how many.
local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', 0, ARGV[3])
for _, member in ipairs(due) do redis.call('ZADD', KEYS[1], ARGV[1] + ARGV[2], member) end
return due
"""
)
