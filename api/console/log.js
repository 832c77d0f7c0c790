// The event log: each event of the stream in a line of words, gaps and resets as plainly as fills.

import { span, wallClock } from './clock.js';
import { el, one, svg, sync } from './dom.js';
import { HOPS, hopsOf, total } from './hops.js';

const BAR_WIDTH = 60;
const SHOWN = 150;

const WORDS = {
  order: (order) => `${order.symbol} ${order.side} ${order.size} is ${order.status.replace('_', ' ')}, filled ${order.filled}${because(order.cause)}`,
  fill: (fill) => `${fill.symbol} ${fill.side} ${fill.size} at ${fill.price}`,
  position: (position) => `${position.symbol} ${position.side ?? ''} ${position.size} at ${position.entry_price ?? '—'}`,
  balance: (balance) => `${balance.available ?? balance.total} of ${balance.total} ${balance.asset} free`,
  trigger: (trigger) => `${trigger.symbol} ${trigger.purpose ?? 'trigger'} at ${trigger.price ?? '—'} is ${trigger.status}`,
  session: (session) => `${session.venue} session is ${session.state.replace('_', ' ')}${because(session.reason)}`,
  gap: (gap) =>
    `Blind for ${span(gap.to_ms - gap.from_ms)} until ${wallClock(gap.to_ms)}${because(gap.reason)}. ` +
    (gap.recovered ? 'What happened meanwhile was read back from the venue.' : 'Not all that happened meanwhile could be read back.'),
  outcome: (outcome) => `Command ${outcome.client_order_id ?? outcome.id} is ${outcome.outcome}${because(outcome.reason)}`,
  reset: (reset) => `The stream could not resume where it was, so all is told afresh${because(reset.reason)}. Fills in between are not listed here.`,
  snapshot: (told) => `${told.orders?.length ?? 0} orders, ${told.positions?.length ?? 0} positions, at ${told.cursor}`,
  note: (note) => note.text,
};
const TONES = { gap: 'warn', reset: 'warn', fill: 'good' };
const NAMES = { note: 'page' };

export function showLog(entries) {
  sync(one('#log'), entries.slice(0, SHOWN), { key: (entry) => String(entry.seq), make: makeRow });
  one('#log-empty').hidden = entries.length > 0;
}

function makeRow(entry) {
  const tone = entry.data.tone || (entry.data.state === 'auth_failed' ? 'bad' : TONES[entry.kind] || '');
  return el(
    'li',
    { 'data-kind': entry.kind, 'data-tone': tone },
    el('time', { class: 'faint', text: wallClock(entry.at_ms), datetime: new Date(entry.at_ms).toISOString() }),
    el('b', { text: NAMES[entry.kind] || entry.kind }),
    el('span', { class: 'grow', text: WORDS[entry.kind]?.(entry.data) ?? '' }),
    ...hopsIn(entry),
  );
}

// The event's own hops: three numbers, and a bar of their shares.
function hopsIn(entry) {
  const hops = hopsOf(entry);
  if (!hops) return [];
  const whole = total(hops) || 1;
  let x = 0;
  const parts = hops.map((ms, index) => {
    const width = (Math.max(0, ms) / whole) * BAR_WIDTH;
    x += width;
    return svg('rect', { class: HOPS[index].class, x: x - width, y: 0, width, height: 4 });
  });
  const label = hops.map((ms, index) => `${HOPS[index].name} ${span(ms)}`).join(', ');
  return [
    el(
      'span',
      { class: 'hop', title: label },
      el('span', { text: hops.map(short).join(' · ') }),
      svg('svg', { viewBox: `0 0 ${BAR_WIDTH} 4`, width: BAR_WIDTH, height: 4, role: 'img', 'aria-label': label }, ...parts),
    ),
  ];
}

function short(ms) {
  return Math.abs(ms) < 10_000 ? String(ms) : `${Math.round(ms / 1000)}s`;
}

function because(reason) {
  return reason ? ` (${reason})` : '';
}
