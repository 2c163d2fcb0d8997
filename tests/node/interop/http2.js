// Node's own HTTP/2 as the client of WebSocket sessions inside streams (RFC 8441), by prior knowledge: does what a test tells
// it, tells the test what it hears. Node knows extended CONNECT and no WebSocket; the frames are those of the npm library `ws`.

import { connect } from 'node:http2';

import { Receiver, Sender } from 'ws';

import { orders, payloadOf, say, textOf, word } from './words.js';

/** Opens one more session on the connection, which is made for the first. */
async function open(url, protocols, who) {
  const { host, pathname } = new URL(url);
  connection ??= await connected(`http://${host}`);
  const stream = connection.request({
    ':method': 'CONNECT',
    ':protocol': 'websocket',
    ':scheme': 'http',
    ':authority': host,
    ':path': pathname,
    'sec-websocket-version': '13',
    ...(protocols !== '-' && { 'sec-websocket-protocol': protocols }),
    'x-who': who,
  });
  const sender = new Sender(stream);
  const receiver = new Receiver();
  stream.on('response', (headers) => {
    if (headers[':status'] !== 200) {
      say('refused', headers[':status']);
      stream.resume();
      return;
    }
    // Which stream of the connection this is shows that it is shared.
    say('open', headers['sec-websocket-protocol'] ?? '-', word(`${stream.id}`), 'plain');
    stream.on('data', (chunk) => receiver.write(chunk));
  });
  stream.on('error', (error) => say('error', word(error.message)));
  receiver.on('message', (data, isBinary) => say(isBinary ? 'binary' : 'text', word(data)));
  receiver.on('ping', (data) => {
    sender.pong(data, true);
    say('ping', word(data));
  });
  receiver.on('pong', (data) => say('pong', word(data)));
  receiver.on('error', (error) => say('error', word(error.message)));
  // Who has begun hears the answer; who has not gives it. Then the server ends the stream, and so do we.
  let isClosing = false;
  receiver.on('conclude', (code, reason) => {
    if (!isClosing) sender.close(code, reason, true);
    stream.on('close', () => say('close', code, word(reason), isClosing ? 'here' : 'there'));
    stream.removeAllListeners('data').resume();
    stream.end();
  });
  return {
    send: (data, binary, fin = true) => sender.send(data, { binary, fin, mask: true }),
    ping: (data) => sender.ping(data, true),
    close: (code, reason) => {
      isClosing = true;
      sender.close(code, reason, true);
    },
  };
}

/** A connection whose server takes extended CONNECT: nothing may be asked for before it has said so (RFC 8441 §3). */
function connected(authority) {
  const connection = connect(authority);
  connection.on('error', (error) => say('error', word(error.message)));
  return new Promise((done) =>
    connection.once('remoteSettings', ({ enableConnectProtocol }) => {
      if (!enableConnectProtocol) say('error', word('the server takes no extended CONNECT'));
      done(connection);
    }),
  );
}

let connection;
let session;
for await (const [verb, ...words] of orders()) {
  if (verb === 'connect') session = await open(words[0], words[1], textOf(words[2]));
  else if (verb === 'text') session.send(textOf(words[0]), false);
  else if (verb === 'binary') session.send(payloadOf(words[0]), true);
  else if (verb === 'ping') session.ping(payloadOf(words[0]));
  else if (verb === 'close') session.close(Number(words[0]), textOf(words[1]));
  else if (verb === 'fragments') {
    const [kind, ...parts] = words;
    parts.forEach((part, at) => session.send(payloadOf(part), kind === 'binary', at === parts.length - 1));
  } else throw new Error(verb);
}
process.exit();
