// One user's stream. The browser reconnects by itself, with its cursor and the cookie that the ticket left behind.
// Only when it gives up (the gateway answered an error) do we fetch a new ticket and say the cursor ourselves.

const NAMED = ['fill', 'position', 'balance', 'trigger', 'session', 'gap', 'outcome', 'reset', 'snapshot'];
const WAIT_FIRST_MS = 500;
const WAIT_MOST_MS = 10_000;

export class OrderStream {
  // newTicket(): a promise of a ticket. onEvent({kind, id, data, at_ms}). onState(state, refusal?).
  constructor(userId, { newTicket, onEvent, onState }) {
    this.userId = userId;
    this.newTicket = newTicket;
    this.onEvent = onEvent;
    this.onState = onState;
    this.cursor = null;
    this.failures = 0;
    this.source = null;
    this.timer = null;
    this.closed = false;
  }

  async open(ticket = null) {
    this.onState(this.cursor ? 'reconnecting' : 'connecting');
    try {
      const fresh = ticket || (await this.newTicket());
      if (!this.closed) this.follow(fresh);
    } catch (refusal) {
      if (this.closed) return;
      if (refusal.status >= 400 && refusal.status < 500 && refusal.status !== 429) this.onState('closed', refusal);
      else this.tryAgain();
    }
  }

  follow(ticket) {
    const query = new URLSearchParams({ ticket });
    if (this.cursor) query.set('last_event_id', this.cursor);
    const source = new EventSource(`/sse/orders/${encodeURIComponent(this.userId)}?${query}`);
    this.source = source;
    source.onopen = () => {
      this.failures = 0;
      this.onState('live');
    };
    source.onerror = () => {
      if (source !== this.source) return;
      if (source.readyState === EventSource.CLOSED) this.tryAgain();
      else this.onState('reconnecting');
    };
    source.onmessage = (message) => this.tell('order', message);
    for (const kind of NAMED) source.addEventListener(kind, (message) => this.tell(kind, message));
  }

  tell(kind, message) {
    const at_ms = Date.now();
    this.cursor = message.lastEventId || this.cursor;
    this.onEvent({ kind, id: message.lastEventId || null, data: JSON.parse(message.data || '{}'), at_ms });
  }

  tryAgain() {
    this.source?.close();
    this.onState('reconnecting');
    const most = Math.min(WAIT_MOST_MS, WAIT_FIRST_MS * 2 ** this.failures++);
    this.timer = setTimeout(() => this.open(), most * (0.5 + Math.random() / 2));
  }

  close() {
    this.closed = true;
    clearTimeout(this.timer);
    this.source?.close();
  }
}
