// The orders table: what the stream said, newest first. No reply of ours is ever shown here, so a row is proof of the wire.

import { age, now } from './clock.js';
import { thousandths } from './decimal.js';
import { el, one, setText, sync } from './dom.js';
import { isFinished, keyOf, newestFirst } from './fold.js';

const SHOWN = 100;
const CELLS = ['order', 'side', 'price', 'size', 'filled', 'average', 'status', 'age', 'cancel'];
const LABELS = { price: 'Price', size: 'Size', filled: 'Filled', average: 'Average', age: 'Age' };

export function showOrders(orders, { onCancel }) {
  const all = newestFirst(orders.values());
  const open = all.filter((order) => !isFinished(order)).length;
  sync(one('#order-rows'), all.slice(0, SHOWN), {
    key: (order) => keyOf('order', order),
    make: () => makeRow(onCancel),
    update: updateRow,
  });
  one('#orders-empty').hidden = all.length > 0;
  const more = all.length > SHOWN ? `, newest ${SHOWN} shown` : '';
  setText(one('#orders-count'), all.length ? `${open} open of ${all.length}${more}` : '');
}

export function showAges(nowMs) {
  for (const row of one('#order-rows').children) setText(row.cells[CELLS.indexOf('age')], age(row.order.created_at_ms, nowMs));
}

function makeRow(onCancel) {
  const cells = CELLS.map((name) => el('td', { class: name, ...(LABELS[name] ? { 'data-label': LABELS[name] } : {}) }));
  const row = el('tr', {}, ...cells);
  row.addEventListener('animationend', () => row.classList.remove('news'));
  const [order, side, , , filled, , status, , cancel] = cells;
  order.append(el('b'), el('small', { class: 'id' }));
  side.append(el('span', { class: 'way' }), el('small'));
  filled.append(el('progress', { max: '1000' }), el('span'));
  status.append(el('span', { class: 'word' }), el('small'));
  const button = el('button', { type: 'button', class: 'quiet', text: 'Cancel' });
  button.addEventListener('click', async () => {
    button.disabled = true;
    await onCancel(row.order);
    button.disabled = false;
  });
  cancel.append(button);
  return row;
}

function updateRow(row, order) {
  if (row.order === order) return;
  const isNews = row.order && (row.order.status !== order.status || row.order.filled !== order.filled);
  row.order = order;
  const [contract, side, price, size, filled, average, status, aged, cancel] = row.cells;
  row.className = `${order.side} ${isFinished(order) ? 'finished' : 'open'}`;
  setText(contract.children[0], order.symbol);
  setText(contract.children[1], order.id);
  setText(side.children[0], order.side);
  setText(side.children[1], [order.type, order.time_in_force, order.reduce_only ? 'reduce' : ''].filter(Boolean).join(' '));
  setText(price, order.type === 'market' ? 'market' : order.price ?? '—');
  setText(size, order.size);
  filled.children[0].value = thousandths(order.filled, order.size);
  filled.children[0].setAttribute('aria-label', `filled ${order.filled} of ${order.size}`);
  setText(filled.children[1], order.filled);
  setText(average, order.average_price ?? '—');
  setText(status.children[0], order.status.replace('_', ' '));
  status.children[0].dataset.state = order.status;
  setText(status.children[1], order.cause ?? '');
  setText(aged, age(order.created_at_ms, now()));
  cancel.children[0].hidden = isFinished(order);
  cancel.children[0].setAttribute('aria-label', `Cancel order ${order.id}`);
  if (isNews) flash(row);
}

function flash(row) {
  row.classList.remove('news');
  void row.offsetWidth; // so that the animation starts over
  row.classList.add('news');
}
