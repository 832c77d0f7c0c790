// The fold: a snapshot and the events after it become what the page shows. Pure, so it can be tested without a page.
//
// A fact's cursor says its place. What is not after our cursor was already told, so a repeated event changes nothing;
// only a snapshot may set the cursor back, because it says everything afresh.

const FILLS_KEPT = 100;
const LOG_KEPT = 300;
const FINISHED_KEPT = 500;
const FINISHED = new Set(['filled', 'cancelled', 'rejected', 'expired']);
const SHELVES = { order: 'orders', position: 'positions', balance: 'balances', trigger: 'triggers', session: 'sessions' };

export function empty() {
  return {
    cursor: null,
    orders: new Map(),
    positions: new Map(),
    balances: new Map(),
    triggers: new Map(),
    sessions: new Map(),
    fills: [],
    log: [],
    logged: 0,
  };
}

// event: {kind, id, data, at_ms}. `at_ms` is when the browser had it.
export function fold(state, event) {
  if (event.kind === 'snapshot') return fromSnapshot(state, event);
  if (event.kind === 'note' || event.kind === 'reset') return logged(state, event);
  if (event.id && state.cursor && !isAfter(event.id, state.cursor)) return state;
  const next = logged({ ...state, cursor: event.id || state.cursor }, event);
  if (event.kind === 'fill') return { ...next, fills: [event.data, ...next.fills].slice(0, FILLS_KEPT) };
  const shelf = SHELVES[event.kind];
  return shelf ? { ...next, [shelf]: shelved(next[shelf], event.kind, event.data) } : next;
}

function fromSnapshot(state, event) {
  const told = event.data;
  const next = { ...logged(state, event), cursor: told.cursor || event.id || null };
  for (const [kind, shelf] of Object.entries(SHELVES)) {
    next[shelf] = new Map((told[shelf] || []).map((fact) => [keyOf(kind, fact), fact]));
  }
  return next;
}

function shelved(shelf, kind, fact) {
  const next = new Map(shelf);
  next.set(keyOf(kind, fact), fact);
  if (kind !== 'order' || next.size <= FINISHED_KEPT) return next;
  for (const [key, order] of next) {
    if (next.size <= FINISHED_KEPT) break;
    if (isFinished(order)) next.delete(key);
  }
  return next;
}

function logged(state, event) {
  const entry = { seq: state.logged + 1, ...event };
  return { ...state, logged: entry.seq, log: [entry, ...state.log].slice(0, LOG_KEPT) };
}

export function keyOf(kind, fact) {
  return kind === 'session' ? fact.account_id : `${fact.account_id}:${fact.id}`;
}

export function isFinished(order) {
  return FINISHED.has(order.status);
}

// Newest first; ids break ties as the numbers they mostly are, by length and then by text.
export function newestFirst(orders) {
  return [...orders].sort((a, b) => (b.created_at_ms || 0) - (a.created_at_ms || 0) || byId(b.id, a.id));
}

function byId(a, b) {
  return a.length - b.length || (a < b ? -1 : a > b ? 1 : 0);
}

// Cursors are Redis stream ids: milliseconds, a dash, and a count.
export function isAfter(cursor, other) {
  const [ms, count] = parts(cursor);
  const [otherMs, otherCount] = parts(other);
  return ms > otherMs || (ms === otherMs && count > otherCount);
}

function parts(cursor) {
  const [ms, count] = /^\d+-\d+$/.test(cursor) ? cursor.split('-') : ['0', '0'];
  return [BigInt(ms), BigInt(count)];
}
