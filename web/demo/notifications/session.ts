// A user's connection and its three channels: what everybody gets, what this user gets, and what was read.

import { Centrifuge, type Subscription } from 'centrifuge';

import type { Position } from '../../src/recovery.ts';
import { endpoint } from '../frame/link.ts';
import { logIn } from '../frame/login.ts';
import type { Memory } from './memory.ts';
import type { StreamKey } from './note.ts';
import type { Draft } from './send-command.ts';
import { Stream, type StreamObserver } from './stream.ts';

/** The server does not take the token: it was made by an earlier life of it, or has expired. */
const INVALID_TOKEN = 3500;

export interface SessionObserver extends StreamObserver {
  /** What a device has published of what was read. */
  read(data: unknown): void;
  /** What was published of it before this moment has been handed over. */
  readJoined(): void;
}

/** What the frame wants of a page's client. */
export interface LinkOptions {
  readonly name: string;
  readonly minReconnectDelay: number;
  readonly maxReconnectDelay: number;
  readonly websocket: typeof WebSocket;
}

export class Session {
  readonly client: Centrifuge;
  readonly streams: Readonly<Record<StreamKey, Stream>>;
  readonly marks: Subscription;

  constructor(user: string, positions: Memory['positions'], options: LinkOptions, observer: SessionObserver) {
    // [how One user, two channels of notifications, one of what was read
    this.client = new Centrifuge(endpoint(), {
      ...options,
      getToken: async () => (await logIn('notify.login', { name: user }, options.websocket)).token,
    });
    this.streams = {
      all: new Stream(this.client, 'all', 'notify:all', positions.all, observer),
      user: new Stream(this.client, 'user', `notify:user#${user}`, positions.user, observer),
    };
    this.marks = this.client.newSubscription(`notify_read:user#${user}`);
    this.marks.on('publication', ({ data }) => observer.read(data));
    // how]
    this.marks.on('subscribed', () => setTimeout(() => observer.readJoined()));
    this.client.on('disconnected', ({ code }) => {
      if (code !== INVALID_TOKEN) return;
      this.client.setToken('');
      this.client.connect();
    });
  }

  open(): void {
    for (const { subscription } of [this.streams.all, this.streams.user]) subscription.subscribe();
    this.marks.subscribe();
    this.client.connect();
  }

  get positions(): Readonly<Record<StreamKey, Position | undefined>> {
    return { all: this.streams.all.position, user: this.streams.user.position };
  }

  async send({ to, title, text }: Draft): Promise<void> {
    await this.client.rpc('notify.send', { to, title, text });
  }

  async order(item: string): Promise<void> {
    await this.client.rpc('notify.order', { item });
  }

  async publishRead(data: { read: string[] }): Promise<void> {
    await this.marks.publish(data);
  }

  close(): void {
    this.client.removeAllListeners();
    this.client.disconnect();
  }
}
