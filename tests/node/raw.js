// A WebSocket that says what it likes, in the JSON form of the protocol.

import WebSocket from 'ws';

import { until, within } from './patience.js';

const PATIENCE_MS = 10_000;

export class RawSocket {
  #socket;
  #ended;

  answersPings = true;
  /** The code and the reason of the close frame, once it is there. */
  end;
  /** Every message in order of arrival, pings left out. */
  received = [];
  /** How many messages each frame brought. */
  frames = [];

  static async open(endpoint, options = {}) {
    const raw = new RawSocket();
    const socket = new WebSocket(endpoint, options);
    raw.#socket = socket;
    raw.#ended = new Promise((resolve) =>
      socket.once('close', (code, reason) => {
        raw.end = { code, reason: String(reason) };
        resolve(raw.end);
      }),
    );
    socket.on('message', (data) => raw.#read(String(data)));
    await within(PATIENCE_MS, new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject)), 'open');
    return raw;
  }

  /** Opens and connects; the reply's result is in `connection`. */
  static async connect(endpoint, request = {}, options = {}) {
    const raw = await RawSocket.open(endpoint, options);
    const { connect, error } = await raw.reply({ id: 1, connect: request });
    if (error !== undefined) throw new Error(JSON.stringify(error));
    raw.connection = connect;
    return raw;
  }

  /** One command, or the text of a frame. */
  send(command) {
    this.#socket.send(typeof command === 'string' ? command : JSON.stringify(command));
  }

  /** Several commands in one frame. */
  sendTogether(commands) {
    this.send(commands.map((command) => JSON.stringify(command)).join('\n'));
  }

  async reply(command) {
    this.send(command);
    return this.replyTo(command.id);
  }

  async replyTo(id) {
    const found = () => this.received.find((message) => message.id === id);
    await until(() => found() ?? this.end, `reply ${id}`, PATIENCE_MS);
    const reply = found();
    if (reply === undefined) throw new Error(`closed with ${JSON.stringify(this.end)}, without reply ${id}`);
    return reply;
  }

  /** The first push that fits. */
  push(fits) {
    return until(() => this.received.find(({ push }) => push !== undefined && fits(push))?.push, 'a push', PATIENCE_MS);
  }

  /** Resolves to the code and the reason of the server's close frame. */
  closed(ms = PATIENCE_MS) {
    return within(ms, this.#ended, 'the close');
  }

  close() {
    this.#socket.close();
  }

  #read(text) {
    const messages = text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    const told = messages.filter((message) => Object.keys(message).length > 0);
    if (told.length < messages.length && this.answersPings) this.send({});
    if (told.length > 0) this.frames.push(told.length);
    this.received.push(...told);
  }
}
