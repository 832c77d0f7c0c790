// The header: where we trade, how the stream is, and how the sessions behind it are.

import { wallClock } from './clock.js';
import { el, one, setText, sync } from './dom.js';

const STREAM_WORDS = {
  idle: 'no account yet',
  unclaimed: 'place a first order',
  connecting: 'connecting',
  live: 'live',
  reconnecting: 'reconnecting',
  reset: 'reset',
  closed: 'refused',
};
let resets = 0;

export function showEnvironment(name) {
  const badge = one('#environment');
  badge.hidden = !name;
  badge.dataset.environment = name || '';
  setText(badge, name || '');
}

export function showStream(name, reason) {
  const shown = one('#stream-state');
  if (name === 'reset') resets += 1;
  if (name === 'idle') resets = 0;
  shown.dataset.state = name;
  shown.title = reason || '';
  const count = name === 'live' && resets ? `, ${resets} reset${resets > 1 ? 's' : ''}` : '';
  setText(shown, STREAM_WORDS[name] + count);
}

export function showSessions(sessions) {
  sync(one('#sessions'), sessions.values(), {
    key: (session) => session.account_id,
    make: () => el('p', { class: 'state' }, el('span', { class: 'label' }), ' ', el('span', { class: 'word' }), ' ', el('span', { class: 'faint' })),
    update: (row, session) => {
      const [label, word, detail] = row.children;
      setText(label, `Session ${session.venue}`);
      setText(word, session.state.replace('_', ' '));
      word.dataset.state = session.state;
      row.title = session.account_id;
      setText(detail, detailOf(session));
    },
  });
}

function detailOf(session) {
  const gaps = session.gaps === 1 ? '1 gap' : `${session.gaps ?? 0} gaps`;
  return [`since ${wallClock(session.since_ms)}`, gaps, session.reason].filter(Boolean).join(' · ');
}
