// The Centrifuge client protocol, version 2, in JSON over one WebSocket: as much of it as one channel needs.
//
// A frame holds one or more JSON objects, one a line. Commands carry an id that the reply repeats; an empty
// object is a ping and is answered with one. https://centrifugal.dev/docs/transports/client_protocol

const RETRY_MIN_MS = 500;
const RETRY_MAX_MS = 20_000;
const REPLY_MAX_MS = 5_000;
/** How much later than announced a ping may come before the connection counts as dead. */
const PING_GRACE_MS = 10_000;

/** Close codes after which coming back would only end the same way. */
function isTerminal(code) {
  return (code >= 3500 && code < 4000) || (code >= 4500 && code < 5000) || code === 1009;
}

/** Full jitter: clients that lost the same server do not return in step. */
function retryDelayMs(attempt) {
  return RETRY_MIN_MS + Math.random() * Math.min(RETRY_MAX_MS - RETRY_MIN_MS, RETRY_MIN_MS * 2 ** attempt);
}

/**
 * One connection that comes back by itself, with at most one channel. It calls `on.state(name, detail)` with
 * `connecting`, `connected` (detail: `client`), `waiting` (`retryMs`, `reason`) or `ended` (`reason`),
 * `on.channel(sentence, bad)` and `on.publication(publication, recovered)`.
 */
export class Client {
  #url;
  #on;
  #socket;
  #attempt = 0;
  #lastId = 0;
  /** Commands without a reply yet: id → what to do with it, and its timer. */
  #pending = new Map();
  #retryTimer;
  #pingTimer;
  #ping = { everyMs: 0, answer: false };
  #connected = false;
  #channel;
  /** Where this page is in the channel's stream; undefined where the channel has none. */
  #position;

  constructor(url, on) {
    this.#url = url;
    this.#on = on;
  }

  connect() {
    clearTimeout(this.#retryTimer);
    this.#drop();
    this.#on.state('connecting', {});
    const socket = new WebSocket(this.#url);
    this.#socket = socket;
    // A server that accepts the connection and then says nothing has as long as one that does not answer.
    this.#expect(REPLY_MAX_MS);
    socket.onopen = () => {
      this.#send({ connect: { name: 'wavecast-plain' } }, (reply) => {
        if (socket === this.#socket) this.#welcome(reply);
      });
    };
    socket.onmessage = ({ data }) => {
      for (const line of String(data).trim().split('\n')) this.#receive(JSON.parse(line));
    };
    socket.onclose = ({ code, reason }) => this.#lost(code, reason);
  }

  disconnect() {
    clearTimeout(this.#retryTimer);
    this.#drop();
    this.#on.state('ended', { reason: 'by you' });
  }

  /** Leaves the channel before, if there is one. */
  join(channel) {
    if (this.#channel !== undefined && this.#connected) this.#send({ unsubscribe: { channel: this.#channel } }, () => {});
    this.#channel = channel;
    this.#position = undefined;
    if (this.#connected) this.#subscribe();
  }

  /** Resolves with a sentence when the server has refused or the connection is gone, with nothing when it has it. */
  publish(data) {
    if (!this.#connected || this.#channel === undefined) return Promise.resolve('There is no connection.');
    return new Promise((resolve) => {
      this.#send({ publish: { channel: this.#channel, data } }, ({ error }) => resolve(error && sentenceFor(error)));
    });
  }

  #welcome({ error, connect }) {
    if (error !== undefined) {
      // The same rule as for close codes: what is not temporary would come again.
      if (error.temporary) return this.#lost(error.code, error.message);
      this.#drop();
      return this.#on.state('ended', { reason: sentenceFor(error) });
    }
    this.#connected = true;
    this.#attempt = 0;
    this.#ping = { everyMs: (connect.ping ?? 0) * 1000, answer: connect.pong === true };
    this.#expectPing();
    this.#on.state('connected', { client: connect.client });
    if (this.#channel !== undefined) this.#subscribe();
  }

  #subscribe() {
    const channel = this.#channel;
    const position = this.#position;
    const recovery = position === undefined ? {} : { recover: true, ...position };
    this.#send({ subscribe: { channel, recoverable: true, ...recovery } }, ({ error, subscribe }) => {
      if (channel !== this.#channel) return;
      if (error !== undefined) return this.#on.channel(`Not joined ${channel}: ${sentenceFor(error)}`, true);
      this.#on.channel(joinedSentence(channel, subscribe), subscribe.was_recovering === true && !subscribe.recovered);
      const missed = subscribe.publications ?? [];
      this.#position = subscribe.recoverable ? { offset: subscribe.offset ?? 0, epoch: subscribe.epoch ?? '' } : undefined;
      for (const publication of missed) this.#published(publication, true);
    });
  }

  #receive(message) {
    this.#expectPing();
    if (message.id !== undefined) return this.#settle(message.id, message);
    const push = message.push;
    if (push === undefined) {
      if (this.#ping.answer) this.#socket.send('{}');
    } else if (push.pub !== undefined && push.channel === this.#channel) {
      this.#published(push.pub, false);
    } else if (push.unsubscribe !== undefined && push.channel === this.#channel) {
      // From 2500 on the server asks to join again, from the last position.
      if (push.unsubscribe.code >= 2500) this.#subscribe();
      else this.#on.channel(`The server took you out of ${push.channel}: ${push.unsubscribe.reason}`, true);
    }
  }

  #published(publication, recovered) {
    if (this.#position !== undefined && publication.offset > 0) this.#position.offset = publication.offset;
    this.#on.publication(publication, recovered);
  }

  #send(request, settle) {
    const id = ++this.#lastId;
    const timer = setTimeout(() => this.#settle(id, { error: { code: 0, message: 'no answer in time' } }), REPLY_MAX_MS);
    this.#pending.set(id, { settle, timer });
    this.#socket.send(JSON.stringify({ id, ...request }));
  }

  #settle(id, reply) {
    const waiting = this.#pending.get(id);
    if (waiting === undefined) return;
    this.#pending.delete(id);
    clearTimeout(waiting.timer);
    waiting.settle(reply);
  }

  #lost(code, reason) {
    this.#drop();
    const why = reason === '' ? `connection closed, code ${code}` : `${code} ${reason}`;
    if (isTerminal(code)) return this.#on.state('ended', { reason: why });
    const retryMs = retryDelayMs(this.#attempt++);
    this.#on.state('waiting', { reason: why, retryMs });
    this.#retryTimer = setTimeout(() => this.connect(), retryMs);
  }

  #expectPing() {
    if (this.#ping.everyMs > 0) this.#expect(this.#ping.everyMs + PING_GRACE_MS);
    else if (this.#connected) clearTimeout(this.#pingTimer);
  }

  #expect(withinMs) {
    clearTimeout(this.#pingTimer);
    this.#pingTimer = setTimeout(() => this.#lost(0, 'no sign of the server'), withinMs);
  }

  /** Lets go of the socket: nothing it still reports is heard, and nobody waits for it. */
  #drop() {
    clearTimeout(this.#pingTimer);
    this.#connected = false;
    this.#ping = { everyMs: 0, answer: false };
    if (this.#socket !== undefined) {
      this.#socket.onopen = this.#socket.onmessage = this.#socket.onclose = null;
      this.#socket.close();
      this.#socket = undefined;
    }
    const waiting = [...this.#pending.values()];
    this.#pending.clear();
    for (const { timer } of waiting) clearTimeout(timer);
    // A publication that was under way may or may not have arrived: whoever waits is told.
    for (const { settle } of waiting) settle({ error: { code: 0, message: 'the connection was lost' } });
  }
}

function joinedSentence(channel, { recoverable, was_recovering: wasRecovering, recovered, publications = [] }) {
  if (recovered && publications.length === 0) return `Back in ${channel}: nothing was sent meanwhile.`;
  if (recovered) return `Back in ${channel}: what was sent meanwhile (${publications.length}) is here, nothing lost.`;
  if (wasRecovering) return `Back in ${channel}, with a gap: what was sent meanwhile is no longer in its history.`;
  return recoverable ? `In ${channel}. Short interruptions are recovered.` : `In ${channel}. It keeps no history.`;
}

function sentenceFor({ code, message }) {
  return code === 0 ? message : `${code} ${message}`;
}
