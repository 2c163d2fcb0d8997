// A client of the library, and its subscriptions, that live in Chromium: with the face that they have where they are at
// home. What they do there arrives a little later, in the order in which they did it, and so does `state`.

import { EventEmitter } from 'node:events';

import { Frame } from './frame.js';

/** What there is of both in the test's process. */
class Remote extends EventEmitter {
  #frame;
  #state;

  constructor(frame, state) {
    super();
    this.#frame = frame;
    this.#state = state;
    // As the library has it: an error that nobody listens to is none of the process.
    this.on('error', () => {});
  }

  get frame() {
    return this.#frame;
  }

  get state() {
    return this.#state;
  }

  hear(name, context) {
    if (name === 'state') this.#state = context.newState;
    this.emit(name, context);
  }
}

/** Methods that return nothing, and methods that return a promise. */
function bring(remote, { calls, asks }) {
  for (const method of calls) {
    remote.prototype[method] = function call(...args) {
      this.frame.call(this, method, args);
    };
  }
  for (const method of asks) {
    remote.prototype[method] = function ask(...args) {
      return this.frame.ask(this, method, args);
    };
  }
}

class RemoteSubscription extends Remote {
  #deltaStats;

  constructor(frame, channel) {
    super(frame, 'unsubscribed');
    this.channel = channel;
    const listen = (name) => {
      if (name !== 'publication') return;
      this.off('newListener', listen);
      frame.listen(this);
    };
    this.on('newListener', listen);
  }

  hear(name, context, deltaStats) {
    this.#deltaStats = deltaStats;
    super.hear(name, context);
  }

  deltaStats() {
    return this.#deltaStats;
  }
}

bring(RemoteSubscription, {
  calls: ['subscribe', 'unsubscribe', 'setData', 'setTagsFilter'],
  asks: ['ready', 'publish', 'history', 'presence', 'presenceStats'],
});

export class RemoteClient extends Remote {
  #subscriptions = new Map();
  #isAtRest = false;

  /** `encoding` is the name of one; the rest is what the library's own takes. */
  constructor(encoding, endpoint, options) {
    const { host, port } = new URL(typeof endpoint === 'string' ? endpoint : endpoint[0].endpoint);
    const frame = Frame.withRoom(encoding, port);
    super(frame, 'disconnected');
    const there = (address) => address?.replace(host, frame.host);
    const ways = typeof endpoint === 'string' ? there(endpoint) : endpoint.map((way) => ({ ...way, endpoint: there(way.endpoint) }));
    frame.create(this, [ways, { ...options, emulationEndpoint: there(options.emulationEndpoint) }]);
  }

  /** It was connected, or tried to be, and has ended. */
  get isAtRest() {
    return this.#isAtRest;
  }

  hear(name, context) {
    if (name === 'state') this.#isAtRest = context.newState === 'disconnected';
    super.hear(name, context);
  }

  connect() {
    this.#isAtRest = false;
    this.frame.call(this, 'connect', []);
  }

  newSubscription(channel, options = {}) {
    const subscription = this.#allocate('newSubscription', channel, options);
    this.#subscriptions.set(channel, subscription);
    return subscription;
  }

  newMapSubscription(channel, options = {}) {
    return this.#allocate('newMapSubscription', channel, options);
  }

  newSharedPollSubscription(channel, options = {}) {
    return this.#allocate('newSharedPollSubscription', channel, options);
  }

  getSubscription(channel) {
    return this.#subscriptions.get(channel) ?? null;
  }

  subscriptions() {
    return Object.fromEntries(this.#subscriptions);
  }

  removeSubscription(subscription) {
    this.#subscriptions.delete(subscription.channel);
    this.frame.call(this, 'removeSubscription', [subscription]);
  }

  #allocate(method, channel, options) {
    const subscription = new RemoteSubscription(this.frame, channel);
    this.frame.allocate(this, method, [channel, options], subscription);
    return subscription;
  }
}

bring(RemoteClient, {
  calls: ['disconnect', 'startBatching', 'stopBatching', 'setToken', 'setData', 'setHeaders'],
  asks: ['ready', 'send', 'publish', 'rpc', 'history', 'presence', 'presenceStats'],
});
