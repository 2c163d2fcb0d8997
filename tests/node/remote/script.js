// What runs in a frame, beside the unmodified library: it makes clients and does with them what it is told, and tells all that
// they do, in the order in which they do it.

import { fromText, toText } from './wire.js';

/** The text of it all, to be run behind that of the library. `tell`, which takes text, is the driver's. */
export const SCRIPT = `(${inFrame})({ toText: ${toText}, fromText: ${fromText} });`;

function inFrame({ toText, fromText }) {
  const CLIENT_EVENTS = ['state', 'connecting', 'connected', 'disconnected', 'message', 'error'];
  const CHANNEL_EVENTS = ['subscribing', 'subscribed', 'unsubscribed', 'join', 'leave'];

  const { Centrifuge } = globalThis;
  /** Clients and subscriptions, by the numbers that the test has given them. */
  const objects = new Map();
  /** Callbacks of the library that wait for what the test answers. */
  const waiting = new Map();
  /** What is to be done when somebody listens to the publications of a subscription. */
  const listening = new Map();
  let questions = 0;

  /** What is done in one turn is told together, so that the test hears it in one turn. */
  let told = [];
  function tell(message) {
    if (told.push(toText(message)) > 1) return;
    queueMicrotask(() => {
      globalThis.tell(`[${told}]`);
      told = [];
    });
  }

  function introduce(number, object, names) {
    objects.set(number, object);
    for (const name of names) object.on(name, (context) => tell(event(number, name, context)));
  }

  const event = (number, name, context) => ({ about: number, name, context, deltaStats: objects.get(number).deltaStats?.() });

  /**
   * Publications that nobody listens to are not told: crowds get many. Those of the last second are kept until somebody does, since
   * it takes a while until that is known here.
   */
  function introducePublications(number, subscription) {
    let unheard = [];
    const keep = (context) => {
      const now = Date.now();
      unheard.push({ at: now, message: event(number, 'publication', context) });
      unheard = unheard.filter(({ at }) => at > now - 1_000);
    };
    subscription.on('publication', keep);
    listening.set(number, (since) => {
      subscription.off('publication', keep);
      for (const { at, message } of unheard) if (at >= since) tell(message);
      subscription.on('publication', (context) => tell(event(number, 'publication', context)));
    });
  }

  const callback = (number) => (context) =>
    new Promise((resolve, reject) => {
      questions += 1;
      waiting.set(questions, { resolve, reject });
      tell({ question: questions, callback: number, context });
    });

  function resolve(plain) {
    if (plain.$object) return objects.get(plain.$object);
    if (plain.$function) return callback(plain.$function);
    return plain;
  }

  const VERBS = {
    create: ({ number, args }) => introduce(number, new Centrifuge(...args), [...CLIENT_EVENTS, ...CHANNEL_EVENTS, 'publication']),
    allocate: ({ of, method, args, number }) => {
      introduce(number, objects.get(of)[method](...args), ['state', 'error', ...CHANNEL_EVENTS]);
      introducePublications(number, objects.get(number));
    },
    listen: ({ of, since }) => listening.get(of)(since),
    call: ({ of, method, args }) => void objects.get(of)[method](...args),
    ask: ({ of, method, args, call }) =>
      objects.get(of)[method](...args).then(
        (value) => tell({ call, value }),
        (error) => tell({ call, error }),
      ),
    answer: ({ question, value, error }) => {
      const { resolve, reject } = waiting.get(question);
      waiting.delete(question);
      if (error === undefined) resolve(value);
      else reject(error.name === 'UnauthorizedError' ? new Centrifuge.UnauthorizedError(error.message) : error);
    },
  };

  // All in one turn, as a test that runs beside the library does it; each read when its turn comes, since it may name what one
  // before it makes.
  globalThis.carryOut = (texts) => {
    for (const text of texts) {
      const { verb, ...operation } = fromText(text, resolve);
      VERBS[verb](operation);
    }
  };
}
