// The channels this page is in: one subscription each, its state, and what recovery said about it.

import type { Centrifuge, PublicationContext, SubscribedContext, Subscription } from 'centrifuge';

import { describe } from './reason.ts';
import { countOf, outcomeOf, sentenceFor, type Outcome, type Position } from './recovery.ts';

/** A page is for looking; a server allows more. */
export const CHANNELS_MAX = 16;
/** What the server takes by default. */
export const CHANNEL_CHARS_MAX = 255;

export interface Channel {
  readonly name: string;
  /** A small number for telling channels apart by colour. */
  readonly colour: number;
  state: 'joining' | 'joined' | 'refused';
  /** Why it was refused, or why joining takes long; else empty. */
  detail: string;
  received: number;
}

export interface Message {
  readonly channel: Channel;
  readonly data: unknown;
  /** Delivered late by recovery: its latency says how long this page was away. */
  readonly recovered: boolean;
}

export type Tone = 'plain' | 'good' | 'bad';

export interface ChannelsObserver {
  /** The set of channels or the state of one has changed. */
  changed(): void;
  message(message: Message): void;
  /** Something worth keeping: joined, recovered, a gap, refused. */
  event(channel: string, sentence: string, tone: Tone): void;
}

interface Membership {
  readonly channel: Channel;
  readonly subscription: Subscription;
  /** False until the first join, so that a return can be told from it. */
  returning: boolean;
  position: Position | undefined;
  /** Publications that come with the subscribe answer being handled; undefined outside of it. */
  recovering: number | undefined;
}

const COLOURS = 6;

export class Channels {
  readonly #client: Centrifuge;
  readonly #observer: ChannelsObserver;
  readonly #members = new Map<string, Membership>();

  constructor(client: Centrifuge, observer: ChannelsObserver) {
    this.#client = client;
    this.#observer = observer;
  }

  list(): Channel[] {
    return [...this.#members.values()].map(({ channel }) => channel);
  }

  /** Joins, or returns why not in a sentence. */
  join(name: string): string | undefined {
    if (name === '') return 'Give the channel a name.';
    if (name.length > CHANNEL_CHARS_MAX) return `A channel’s name has at most ${CHANNEL_CHARS_MAX} characters.`;
    const present = this.#members.get(name);
    if (present?.channel.state === 'refused') {
      present.subscription.subscribe();
      return undefined;
    }
    if (present !== undefined) return `You are in ${name} already.`;
    if (this.#members.size >= CHANNELS_MAX) return `This page joins at most ${CHANNELS_MAX} channels: leave one first.`;
    this.#subscribe(name);
    return undefined;
  }

  leave(name: string): void {
    const member = this.#members.get(name);
    if (member === undefined) return;
    this.#members.delete(name);
    member.subscription.removeAllListeners();
    member.subscription.unsubscribe();
    this.#client.removeSubscription(member.subscription);
    this.#observer.changed();
  }

  #subscribe(name: string): void {
    // A namespace may leave history to the client's wish; where it is not allowed, the server says so
    // in its answer and nothing else changes.
    const subscription = this.#client.newSubscription(name, { recoverable: true });
    const channel: Channel = { name, colour: this.#freeColour(), state: 'joining', detail: '', received: 0 };
    const member: Membership = { channel, subscription, returning: false, position: undefined, recovering: undefined };
    this.#members.set(name, member);
    subscription.on('subscribing', () => this.#enter(member, 'joining', ''));
    subscription.on('subscribed', (answer) => this.#joined(member, answer));
    subscription.on('unsubscribed', ({ code, reason }) => this.#refused(member, code, reason));
    subscription.on('publication', (publication) => this.#published(member, publication));
    subscription.on('error', ({ error }) => this.#enter(member, 'joining', describe(error.code, error.message)));
    subscription.subscribe();
    this.#observer.changed();
  }

  #joined(member: Membership, answer: SubscribedContext): void {
    const outcome = outcomeOf(member.returning, member.position, answer);
    member.returning = true;
    // A recovery goes on from where this page was: what it brings moves the position.
    if (outcome.kind !== 'recovered' || member.position === undefined) member.position = answer.streamPosition;
    member.recovering = 0;
    this.#enter(member, 'joined', '');
    // The client hands over the recovered publications in the same turn, right after this event.
    queueMicrotask(() => {
      const delivered = member.recovering ?? 0;
      member.recovering = undefined;
      this.#observer.event(member.channel.name, sentenceFor(outcome, delivered), toneOf(outcome));
    });
  }

  #published(member: Membership, publication: PublicationContext): void {
    this.#checkOrder(member, publication.offset);
    member.channel.received += 1;
    const recovered = member.recovering !== undefined;
    if (member.recovering !== undefined) member.recovering += 1;
    this.#observer.message({ channel: member.channel, data: publication.data, recovered });
  }

  /** The server promises offsets without holes; if one is missing, the page says so. */
  #checkOrder(member: Membership, offset: number | undefined): void {
    const { position, channel } = member;
    if (position === undefined || offset === undefined || offset === 0) return;
    const missed = offset - position.offset - 1;
    if (missed > 0) {
      this.#observer.event(channel.name, `Gap: ${countOf(missed, 'message')} before offset ${offset} did not arrive.`, 'bad');
    }
    if (missed < 0) {
      this.#observer.event(channel.name, `Offset ${offset} arrived twice or out of order.`, 'bad');
    }
    member.position = { offset, epoch: position.epoch };
  }

  #refused(member: Membership, code: number, reason: string): void {
    const sentence = describe(code, reason);
    this.#enter(member, 'refused', sentence);
    this.#observer.event(member.channel.name, `Refused: ${sentence}`, 'bad');
  }

  #enter({ channel }: Membership, state: Channel['state'], detail: string): void {
    channel.state = state;
    channel.detail = detail;
    this.#observer.changed();
  }

  #freeColour(): number {
    const taken = this.list().map(({ colour }) => colour);
    for (let colour = 0; colour < COLOURS; colour += 1) if (!taken.includes(colour)) return colour;
    return this.#members.size % COLOURS;
  }
}

function toneOf(outcome: Outcome): Tone {
  if (outcome.kind === 'recovered') return 'good';
  return outcome.kind === 'joined' ? 'plain' : 'bad';
}
