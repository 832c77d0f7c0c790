// The order form. One click is one idempotency key: a second click of the same press places nothing, and when no
// answer came the very same order can be sent again under the same key, which the gateway answers once.

import { nudged } from './decimal.js';
import { el, one, setText } from './dom.js';
import * as gateway from './gateway.js';

const QUIET_AFTER_CLICK_MS = 700;
const TICKER_EVERY_MS = 3000;
const AWAY_PER_MILLE = 1;

export class OrderForm {
  constructor({ account, onPlaced }) {
    this.account = account;
    this.onPlaced = onPlaced;
    this.form = one('#order');
    this.button = one('#place');
    this.again = one('#again');
    this.environment = '';
    this.last = '';
    this.lastOf = '';
    this.isPriceTyped = false;
    this.isBusy = false;
    this.sent = null;
  }

  start() {
    this.form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.place();
    });
    this.form.addEventListener('change', (event) => this.onChange(event.target));
    this.form.price.addEventListener('input', () => (this.isPriceTyped = this.form.price.value !== ''));
    this.again.addEventListener('click', () => this.send(this.sent));
    one('#last').addEventListener('click', () => this.setPrice(this.last));
    this.onChange();
    this.refresh();
    setInterval(() => document.hidden || this.refresh(), TICKER_EVERY_MS);
  }

  get said() {
    const { contract, size, price, leverage, leverage_type, market_type, position_type, take_profit, stop_loss } = this.form;
    const order = {
      userId: this.account().user,
      contract: contract.value.trim(),
      market_type: market_type.value,
      position_type: position_type.value,
      size: size.value.trim(),
      price: market_type.value === 'market' ? '0' : price.value.trim(),
      leverage: leverage.value.trim(),
      leverage_type: leverage_type.value,
    };
    const triggers = { take_profit: take_profit.value.trim(), stop_loss: stop_loss.value.trim() };
    for (const [name, at] of Object.entries(triggers)) if (at) order[name] = { enabled: true, price: at, price_type: 'last' };
    return order;
  }

  setEnvironment(name) {
    this.environment = name;
    this.onChange();
  }

  place() {
    if (!this.account()) return this.say('Use an account first: its keys sign the order.', 'bad');
    if (this.isBusy) return undefined;
    return this.send({ order: this.said, key: gateway.newIdempotencyKey() });
  }

  async send(sent) {
    this.sent = sent;
    this.setBusy(true);
    const quiet = new Promise((resolve) => setTimeout(resolve, QUIET_AFTER_CLICK_MS));
    this.again.hidden = true;
    this.clearErrors();
    this.say('Sending…');
    try {
      const reply = await gateway.place(this.account(), sent.order, sent.key);
      this.showReply(reply);
      this.onPlaced(reply);
    } catch (refusal) {
      this.showRefusal(refusal);
    }
    await quiet; // an answer may come faster than the second half of a double click
    this.setBusy(false);
  }

  // Said, not disabled: a disabled button would lose the keyboard's focus.
  setBusy(isBusy) {
    this.isBusy = isBusy;
    this.button.setAttribute('aria-disabled', String(isBusy));
  }

  showReply(reply) {
    const order = reply.data?.order;
    if (reply.message === 'unknown') this.say('Outcome not known yet. It is being asked for and comes on the stream.', 'warn');
    else this.say(order ? `Accepted as ${order.id}` : 'Accepted', 'good');
  }

  showRefusal(refusal) {
    const left = refusal.fields.filter((said) => !this.showError(said.field, said.message));
    const venue = refusal.venue && !refusal.message.includes(refusal.venue.code) ? `${refusal.venue.code}: ${refusal.venue.message}` : '';
    const words = [refusal.status ? refusal.message : 'No answer came, so nobody knows yet whether it was placed.'];
    this.say([...words, venue, ...left.map((said) => `${said.field}: ${said.message}`)].filter(Boolean).join(' · '), 'bad');
    this.again.hidden = !refusal.retryable;
    one('[aria-invalid]', this.form)?.focus();
  }

  // At the field it names; false when this page has no such field.
  showError(name, message) {
    const field = one(`[data-field="${CSS.escape(name)}"]`, this.form) || one(`[data-field="${CSS.escape(name)}.price"]`, this.form);
    const input = field && one('input, select', field);
    if (!input) return false;
    const id = `error-${field.dataset.field.replace('.', '-')}`;
    if (field.closest('details')) field.closest('details').open = true;
    field.append(el('p', { id, class: 'error', text: message }));
    input.setAttribute('aria-invalid', 'true');
    input.setAttribute('aria-describedby', id);
    return true;
  }

  clearErrors() {
    for (const error of this.form.querySelectorAll('.error')) error.remove();
    for (const input of this.form.querySelectorAll('[aria-invalid]')) {
      input.removeAttribute('aria-invalid');
      input.removeAttribute('aria-describedby');
    }
  }

  onChange(target) {
    const isMarket = this.form.market_type.value === 'market';
    const side = this.form.position_type.value;
    this.form.price.disabled = isMarket;
    this.form.price.placeholder = isMarket ? 'at market' : '';
    this.button.classList.toggle('long', side === 'long');
    this.button.classList.toggle('short', side === 'short');
    const where = this.environment === 'live' ? 'live ' : '';
    setText(this.button, `Place ${where}${this.form.market_type.value} ${side}`);
    if (target?.name === 'contract') this.forgetPrice();
    this.offerPrice();
  }

  forgetPrice() {
    this.last = '';
    this.setPrice('');
    this.refresh();
  }

  setPrice(price) {
    this.form.price.value = price;
    this.isPriceTyped = price !== '';
  }

  // A price that rests: a little below the last for a long, a little above it for a short.
  offerPrice() {
    const side = this.form.position_type.value;
    const offer = `${this.lastOf} ${side}`;
    if (!this.last || this.isPriceTyped || (this.form.price.value && offer === this.offered)) return;
    this.offered = offer;
    this.form.price.value = nudged(this.last, side === 'long' ? -AWAY_PER_MILLE : AWAY_PER_MILLE);
  }

  async refresh() {
    const contract = this.form.contract.value.trim();
    const told = contract ? await gateway.ticker(contract).catch(() => null) : null;
    if (contract !== this.form.contract.value.trim()) return;
    this.last = told?.last ? String(told.last) : '';
    this.lastOf = contract;
    one('#last').disabled = !this.last;
    setText(one('#last-price'), this.last || 'not known');
    this.offerPrice();
  }

  say(text, tone = '') {
    const note = one('#order-note');
    note.dataset.tone = tone;
    setText(note, text);
  }
}
