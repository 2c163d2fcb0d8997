// A page's WebSocket, in the Chromium of `browser.js`, as the client: does what a test tells it, tells the test what it hears.

import { connect } from '../browser/chromium.js';
import { orders, say } from './words.js';

const [address] = process.argv.slice(2);

/** Runs in the page: all that is there is what a page has. */
function prepare(binaryType) {
  const bytesOf = (word) => Uint8Array.from(atob(word.slice(1)), (c) => c.charCodeAt(0));
  const word = (bytes) => {
    let text = '';
    for (let at = 0; at < bytes.length; at += 32_768) text += String.fromCharCode(...bytes.subarray(at, at + 32_768));
    return `:${btoa(text)}`;
  };
  const text = (text) => word(new TextEncoder().encode(text));
  const payload = (word) => new TextDecoder().decode(bytesOf(word));
  let socket;
  let sent = 0;
  // Reading a Blob takes a while: events are told in the order in which they came.
  let told = Promise.resolve();
  const tell = (words) => (told = told.then(async () => globalThis.say(await words())));

  function open(url, protocols) {
    socket = new WebSocket(url, protocols === '-' ? [] : protocols.split(','));
    socket.binaryType = binaryType;
    let isOpen = false;
    socket.onopen = () => {
      isOpen = true;
      // It always offers compression; whether the server took it is all there is to see.
      const mode = socket.extensions.includes('permessage-deflate') ? 'deflate' : 'plain';
      tell(() => ['open', socket.protocol || '-', ':', mode]);
    };
    socket.onmessage = ({ data }) =>
      tell(async () => {
        if (typeof data === 'string') return ['text', text(data)];
        if (binaryType === 'blob' && !(data instanceof Blob)) return ['error', text('no Blob')];
        const buffer = data instanceof Blob ? await data.arrayBuffer() : data;
        return ['binary', word(new Uint8Array(buffer))];
      });
    socket.onclose = ({ code, reason }) => tell(() => (isOpen ? ['close', code, text(reason)] : ['refused', 0]));
  }

  globalThis.carryOut = ([verb, ...words]) => {
    if (verb === 'connect') open(words[0], words[1]);
    else if (verb === 'text') socket.send(payload(words[0]));
    else if (verb === 'binary') {
      const bytes = bytesOf(words[0]);
      sent += 1;
      // Each form that a page may hand over, by turns.
      socket.send([new Blob([bytes]), bytes, bytes.buffer][sent % 3]);
    } else if (verb === 'close') socket.close(Number(words[0]), payload(words[1]));
    else throw new Error(verb);
  };
}

const browser = await connect(address);
const page = await (await browser.newContext({ ignoreHTTPSErrors: true })).newPage();
await page.exposeFunction('say', (words) => say(...words));
for await (const order of orders()) {
  if (order[0] === 'visit') {
    await page.goto(order[1]);
    await page.evaluate(prepare, order[2]);
    say('visited');
  } else await page.evaluate((order) => globalThis.carryOut(order), order);
}
process.exit();
