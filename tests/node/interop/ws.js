// The npm library `ws` as either end of a connection: does what a test tells it, tells the test what it hears.

import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createSecureServer } from 'node:https';

import { WebSocket, WebSocketServer } from 'ws';

import { orders, payloadOf, say, textOf, word } from './words.js';

/** Tells of everything that comes on this connection. */
function listen(socket) {
  socket.on('message', (data, isBinary) => say(isBinary ? 'binary' : 'text', word(data)));
  socket.on('ping', (data) => say('ping', word(data)));
  socket.on('pong', (data) => say('pong', word(data)));
  socket.on('close', (code, reason) => say('close', code, word(reason)));
  socket.on('error', (error) => say('error', word(error.message)));
}

const sayOpen = (socket, header) =>
  say('open', socket.protocol || '-', word(header), socket.extensions.includes('permessage-deflate') ? 'deflate' : 'plain');

/** Orders that are the same for both ends. */
function carryOut(socket, [verb, ...words]) {
  if (verb === 'text') socket.send(textOf(words[0]));
  else if (verb === 'binary') socket.send(payloadOf(words[0]));
  else if (verb === 'ping') socket.ping(payloadOf(words[0]));
  else if (verb === 'close') socket.close(Number(words[0]), textOf(words[1]));
  else if (verb === 'fragments') {
    const [kind, ...parts] = words;
    parts.forEach((part, at) =>
      socket.send(payloadOf(part), { binary: kind === 'binary', fin: at === parts.length - 1 }),
    );
  } else throw new Error(verb);
}

/** Both in one file: the certificate, which clients trust, and its key. */
const pem = () => readFileSync(process.env.INTEROP_CERTIFICATE);

function serve(deflate, secure) {
  const http = secure ? createSecureServer({ cert: pem(), key: pem() }) : createServer();
  http.listen(0, '127.0.0.1', () => say('listening', http.address().port));
  const server = new WebSocketServer({
    server: http,
    perMessageDeflate: deflate,
    handleProtocols: (asked) => asked.has('chat.v2') && 'chat.v2',
    verifyClient: ({ req }, answer) => answer(req.url !== '/refused', 403, 'not here'),
  });
  const end = { socket: undefined };
  server.on('headers', (headers, request) => headers.push(`X-Greeting: hello ${request.headers['x-who']}`));
  server.on('connection', (socket, request) => {
    end.socket = socket;
    listen(socket);
    sayOpen(socket, request.headers['x-who']);
  });
  return end;
}

function connect(url, protocols, who, deflate) {
  const asked = protocols === '-' ? [] : protocols.split(',');
  const socket = new WebSocket(url, asked, {
    headers: { 'X-Who': who },
    perMessageDeflate: deflate,
    ca: url.startsWith('wss:') ? pem() : undefined,
  });
  let greeting;
  socket.on('upgrade', (response) => (greeting = response.headers['x-greeting']));
  socket.on('unexpected-response', (_, response) => {
    say('refused', response.statusCode);
    process.exit();
  });
  socket.on('open', () => sayOpen(socket, greeting));
  listen(socket);
  return { socket };
}

let end;
for await (const order of orders()) {
  if (order[0] === 'listen') end = serve(order[1] === 'deflate', order[2] === 'tls');
  else if (order[0] === 'connect') end = connect(order[1], order[2], textOf(order[3]), order[4] === 'deflate');
  else carryOut(end.socket, order);
}
process.exit();
