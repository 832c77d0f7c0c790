// Whose keys we use. They live in this tab's sessionStorage and nowhere else; the secret is never shown again once
// it is used, and an address that carried it is cleaned before anything else happens.

import { one, setText } from './dom.js';
import { paperAccount } from './gateway.js';

const KEPT_AS = 'orderwire.account';
const PAPER_PORT = 4100;

export class AccountPanel {
  constructor({ onUse, onForget }) {
    this.onUse = onUse;
    this.onForget = onForget;
    this.keys = null;
    this.paperPort = PAPER_PORT;
    this.form = one('#account');
    this.form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.submit();
    });
    one('#forget').addEventListener('click', () => this.forget());
    one('#reveal').addEventListener('click', () => this.reveal(this.form.secret.type === 'password'));
    one('#paper-account').addEventListener('click', () => this.getPaper());
    window.addEventListener('hashchange', () => this.fromAddress());
  }

  start() {
    if (!this.fromAddress()) this.use(kept());
  }

  fromAddress() {
    const said = new URLSearchParams(location.hash.slice(1));
    if (!said.has('key') && !said.has('secret')) return false;
    history.replaceState(null, '', location.pathname + location.search);
    return this.use({ user: said.get('user') || '', key: said.get('key') || '', secret: said.get('secret') || '' });
  }

  submit() {
    const { user, key, secret } = this.form;
    const typed = secret.value.trim();
    const kept = this.keys && this.keys.key === key.value.trim() ? this.keys.secret : '';
    const keys = { user: user.value.trim(), key: key.value.trim(), secret: typed || kept };
    if (!this.use(keys)) this.say('A user id, an API key and its secret are needed.', 'bad');
  }

  use(keys) {
    if (!keys) return false;
    this.form.user.value = keys.user;
    this.form.key.value = keys.key;
    if (!keys.user || !keys.key || !keys.secret) return false;
    this.keys = keys;
    sessionStorage.setItem(KEPT_AS, JSON.stringify(keys));
    this.isSettled = false;
    setText(one('#account-summary'), `${keys.user} · key ${keys.key.slice(0, 6)}…`);
    this.showSecret('kept in this tab');
    one('#forget').hidden = false;
    this.onUse(keys);
    return true;
  }

  forget() {
    sessionStorage.removeItem(KEPT_AS);
    this.keys = null;
    this.form.reset();
    this.showSecret('');
    setText(one('#account-summary'), 'Keys');
    one('#forget').hidden = true;
    this.say('Forgotten.');
    this.onForget();
  }

  showSecret(placeholder) {
    this.form.secret.value = '';
    this.form.secret.placeholder = placeholder;
    this.reveal(false);
  }

  reveal(isOpen) {
    this.form.secret.type = isOpen ? 'text' : 'password';
    one('#reveal').setAttribute('aria-pressed', String(isOpen));
    setText(one('#reveal'), isOpen ? 'Hide' : 'Show');
  }

  // The keys work: make room for what they are for.
  settle() {
    const fold = one('#account-fold');
    if (!this.isSettled && !fold.contains(document.activeElement)) fold.open = false;
    this.isSettled = true;
  }

  setPaper(isPaper, port) {
    this.paperPort = port || PAPER_PORT;
    one('#paper-account').hidden = !isPaper;
  }

  async getPaper() {
    const button = one('#paper-account');
    button.disabled = true;
    try {
      const made = await paperAccount(this.paperPort);
      if (!made.api_key || !made.api_secret) throw new Error('no keys in the answer');
      this.use({ user: `paper-${made.uid}`, key: made.api_key, secret: made.api_secret });
    } catch {
      this.say(
        `The paper exchange at port ${this.paperPort} gave no account to this page. ` +
          'Copy the user id, key and secret that `make up` printed into the fields.',
        'bad',
      );
    } finally {
      button.disabled = false;
    }
  }

  say(text, tone = '') {
    const note = one('#account-note');
    note.dataset.tone = tone;
    setText(note, text);
  }
}

function kept() {
  try {
    return JSON.parse(sessionStorage.getItem(KEPT_AS));
  } catch {
    return null;
  }
}
