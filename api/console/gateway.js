// What the page asks of the gateway. Every refusal becomes one `Refused`, in the gateway's own words.

const ANSWER_WITHIN_MS = 20_000;

export class Refused extends Error {
  constructor(status, error = {}) {
    super(error.message || (status ? `the gateway answered ${status}` : 'no answer came'));
    this.status = status; // 0: no answer came, so nobody knows what happened
    this.code = error.code || '';
    this.retryable = Boolean(error.retryable) || status === 0;
    this.fields = error.fields || [];
    this.venue = error.venue || null;
  }
}

async function ask(method, url, { headers = {}, body, withinMs = ANSWER_WITHIN_MS } = {}) {
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(), withinMs);
  try {
    const said = body === undefined ? {} : { body: JSON.stringify(body) };
    if (body !== undefined && !headers['Content-Type']) headers = { ...headers, 'Content-Type': 'application/json' };
    const reply = await fetch(url, { method, headers, signal: limit.signal, cache: 'no-store', ...said });
    const text = await reply.text();
    const answer = fromJson(text);
    if (!reply.ok) throw new Refused(reply.status, answer?.error);
    return { status: reply.status, ...answer };
  } catch (error) {
    throw error instanceof Refused ? error : new Refused(0);
  } finally {
    clearTimeout(timer);
  }
}

function fromJson(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function keyHeaders(account) {
  return { 'api-key': account.key, 'api-secret': account.secret };
}

// randomUUID exists in secure contexts only, and the page is often opened over plain http in a local network.
export function newIdempotencyKey() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

export const health = () => ask('GET', '/healthz');

export const ticker = (contract) => ask('GET', `/api/market/ticker/${encodeURIComponent(contract)}?venue=gate`);

export const ticket = (account) =>
  ask('POST', '/api/auth/ticket', { headers: keyHeaders(account), body: { user_id: account.user } });

export const place = (account, order, idempotencyKey) =>
  ask('POST', '/gate/place-futures-order', {
    headers: { ...keyHeaders(account), 'Idempotency-Key': idempotencyKey },
    body: order,
  });

export const cancel = (account, orderId) =>
  ask('DELETE', `/gate/cancel-futures-order?trade_id=${encodeURIComponent(orderId)}`, { headers: keyHeaders(account) });

export const closePosition = (account, contract, side) =>
  ask('POST', '/gate/close-futures-order', {
    headers: { ...keyHeaders(account), 'Idempotency-Key': newIdempotencyKey() },
    body: { contract, auto_size: `close_${side}`, userId: account.user },
  });

// The paper exchange is another origin: text/plain keeps the request one that needs no permission in advance.
export const paperAccount = (port) =>
  ask('POST', `${location.protocol}//${location.hostname}:${port}/paper/accounts`, {
    headers: { 'Content-Type': 'text/plain' },
    body: {},
    withinMs: 5_000,
  });
