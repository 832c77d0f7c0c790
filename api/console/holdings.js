// What the account holds: positions, waiting triggers, the balance in a line, and the fills seen so far.

import { wallClock } from './clock.js';
import { isZero } from './decimal.js';
import { el, one, setText, sync } from './dom.js';
import { keyOf } from './fold.js';

export function showHoldings(state, { onClose }) {
  showPositions([...state.positions.values()].filter((position) => !isZero(position.size)), onClose);
  showTriggers([...state.triggers.values()].filter((trigger) => trigger.status === 'open'));
  showFills(state.fills);
  const balances = [...state.balances.values()].map((balance) => `${balance.available ?? balance.total} ${balance.asset} free`);
  setText(one('#balance'), balances.join(' · '));
}

function showPositions(positions, onClose) {
  sync(one('#positions'), positions, {
    key: (position) => keyOf('position', position),
    make: () => {
      const button = el('button', { type: 'button', class: 'quiet', text: 'Close' });
      const row = el('li', {}, el('b'), el('span', { class: 'way' }), el('span', { class: 'grow' }), button);
      button.addEventListener('click', async () => {
        button.disabled = true;
        await onClose(row.position);
        button.disabled = false;
      });
      return row;
    },
    update: (row, position) => {
      row.position = position;
      const [symbol, side, words, button] = row.children;
      row.className = position.side === 'short' ? 'sell' : 'buy';
      setText(symbol, position.symbol);
      setText(side, `${position.side ?? ''} ${position.size}`.trim());
      const leverage = position.leverage && !isZero(position.leverage) ? `${position.leverage}×` : '';
      setText(words, [`at ${position.entry_price ?? '—'}`, [leverage, position.margin_mode].filter(Boolean).join(' ')].filter(Boolean).join(' · '));
      button.setAttribute('aria-label', `Close ${position.symbol} ${position.side ?? ''}`);
    },
  });
  one('#positions-empty').hidden = positions.length > 0;
}

function showTriggers(triggers) {
  sync(one('#triggers'), triggers, {
    key: (trigger) => keyOf('trigger', trigger),
    make: () => el('li', {}, el('b'), el('span', { class: 'grow' })),
    update: (row, trigger) => {
      setText(row.children[0], trigger.symbol);
      const rule = { at_or_above: 'at or above', at_or_below: 'at or below' }[trigger.rule] || 'at';
      setText(row.children[1], [trigger.purpose?.replace('_', '-'), trigger.price_type, rule, trigger.price].filter(Boolean).join(' '));
    },
  });
  one('#triggers-title').hidden = triggers.length === 0;
}

function showFills(fills) {
  sync(one('#fills'), fills, {
    key: (fill) => `${fill.account_id}:${fill.symbol}:${fill.id}`,
    make: (fill) =>
      el(
        'li',
        { class: fill.side },
        el('time', { class: 'faint', text: fill.at_ms ? wallClock(fill.at_ms) : '—' }),
        el('b', { text: fill.symbol }),
        el('span', { class: 'way', text: fill.side }),
        el('span', { class: 'grow', text: `${fill.size} at ${fill.price}` }),
        el('span', { class: 'faint', text: fill.fee ? `fee ${fill.fee}` : '' }),
      ),
  });
  one('#fills-empty').hidden = fills.length > 0;
}
