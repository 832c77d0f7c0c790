// The page, wired together: an account opens a stream, the stream's events are folded, and each panel shows its part.

import { AccountPanel } from './account.js';
import { now } from './clock.js';
import { one, setText } from './dom.js';
import { empty, fold } from './fold.js';
import * as gateway from './gateway.js';
import { showHoldings } from './holdings.js';
import { Hops } from './hops.js';
import { showLog } from './log.js';
import { showOrders, showAges } from './orders.js';
import { showEnvironment, showSessions, showStream } from './status.js';
import { OrderStream } from './stream.js';
import { OrderForm } from './order_form.js';

const UNKNOWN_HERE = [401, 404];

let state = empty();
let stream = null;
let drawing = false;
const hops = new Hops(one('#hops tbody'), one('#spark'));
const account = new AccountPanel({ onUse: (keys) => follow(keys), onForget: leave });
const form = new OrderForm({ account: () => account.keys, onPlaced });

function take(event) {
  state = fold(state, event);
  hops.take(event);
  if (event.kind === 'reset') showStream('reset');
  if (event.kind === 'snapshot') showStream('live');
  draw();
}

function note(text, tone = '') {
  take({ kind: 'note', id: null, data: { text, tone }, at_ms: now() });
}

function follow(keys, firstTicket = null) {
  stream?.close();
  if (stream?.userId !== keys.user) {
    state = empty();
    hops.clear();
  }
  const opened = new OrderStream(keys.user, {
    newTicket: async () => (await gateway.ticket(keys)).ticket,
    onEvent: (event) => opened === stream && take(event),
    onState: (name, refusal) => opened === stream && onStream(name, refusal),
  });
  stream = opened;
  opened.open(firstTicket);
  draw();
}

// What the stream says of itself, once per change: a page that was blind says so.
let said = '';
function onStream(name, refusal) {
  const change = name !== said;
  const before = said;
  said = name;
  if (name === 'closed' && UNKNOWN_HERE.includes(refusal.status)) {
    showStream('unclaimed');
    account.say('Nobody has used this user id with these keys yet. Place a first order; the stream opens with it.');
    return;
  }
  showStream(name, refusal?.message);
  if (name === 'closed') account.say(refusal.message, 'bad');
  if (name === 'live') {
    account.say('Keys stay in this tab and are gone when it closes.');
    account.settle();
  }
  if (change && name === 'reconnecting') note('The stream broke off. Reconnecting; nothing is lost, only later.', 'warn');
  if (change && name === 'live') note(before === 'reconnecting' ? `Stream resumed after ${stream.cursor}` : 'Stream open', 'good');
}

function onPlaced(reply) {
  const opening = reply.data?.stream?.ticket;
  if (said !== 'live' && said !== 'connecting' && said !== 'reconnecting' && account.keys) follow(account.keys, opening);
}

function leave() {
  stream?.close();
  stream = null;
  said = '';
  state = empty();
  hops.clear();
  showStream('idle');
  draw();
}

function draw() {
  if (drawing) return;
  drawing = true;
  requestAnimationFrame(() => {
    drawing = false;
    showSessions(state.sessions);
    showOrders(state.orders, { onCancel });
    showHoldings(state, { onClose });
    showLog(state.log);
    hops.draw();
  });
}

async function onCancel(order) {
  const said = one('#orders-note');
  setText(said, '');
  try {
    await gateway.cancel(account.keys, order.id);
  } catch (refusal) {
    setText(said, `Order ${order.id} was not cancelled: ${refusal.message}`);
  }
}

async function onClose(position) {
  const said = one('#positions-note');
  setText(said, '');
  try {
    await gateway.closePosition(account.keys, position.symbol, position.side);
  } catch (refusal) {
    setText(said, `${position.symbol} was not closed: ${refusal.message}`);
  }
}

async function greet() {
  const told = await gateway.health().catch(() => ({}));
  showEnvironment(told.trading_env);
  form.setEnvironment(told.trading_env);
  account.setPaper(!told.trading_env || told.trading_env === 'paper', told.paper_port);
}

greet();
form.start();
draw();
account.start();
setInterval(() => showAges(now()), 1000);
