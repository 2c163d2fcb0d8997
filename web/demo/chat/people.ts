// Who is here: sessions, gathered into people. A user with two devices comes once and goes once.

import { nameIn } from './conversation.ts';

/** A session, as the client library gives it. */
export interface Session {
  readonly client: string;
  /** Missing where the session has no user: the protocol leaves out what is empty. */
  readonly user?: string;
  readonly connInfo?: unknown;
}

export interface Person {
  readonly user: string;
  readonly name: string;
  readonly devices: number;
}

export class People {
  #sessions = new Map<string, Session>();
  /** What happened since the server was asked for its list; undefined while no answer is awaited. */
  #meanwhile: ((sessions: Map<string, Session>) => void)[] | undefined;

  /** The list has been asked for: what comes before its answer may be in it or not. */
  ask(): void {
    this.#meanwhile = [];
  }

  /** The list. Whatever happened meanwhile is done to it once more, which changes nothing where it knew. */
  answer(sessions: Iterable<Session>): void {
    this.#sessions = new Map([...sessions].map((session) => [session.client, session]));
    for (const change of this.#meanwhile ?? []) change(this.#sessions);
    this.#meanwhile = undefined;
  }

  /** Somebody's device has come; returns their name if it is their first one. */
  joined(session: Session): string | undefined {
    const known = this.#sessions.has(session.client) || this.#has(session.user);
    this.#change((sessions) => sessions.set(session.client, session));
    return known || !session.user ? undefined : nameOf(session);
  }

  /** Somebody's device has gone; returns their name if it was their last one. */
  left(session: Session): string | undefined {
    const known = this.#sessions.has(session.client);
    this.#change((sessions) => sessions.delete(session.client));
    return !known || !session.user || this.#has(session.user) ? undefined : nameOf(session);
  }

  clear(): void {
    this.#sessions.clear();
    this.#meanwhile = undefined;
  }

  /** Everybody with a name, `me` first and the others in the order of their names. */
  list(me: string): Person[] {
    const people = new Map<string, { user: string; name: string; devices: number }>();
    for (const session of this.#sessions.values()) {
      const { user } = session;
      if (!user) continue;
      const person = people.get(user);
      if (person === undefined) people.set(user, { user, name: nameOf(session), devices: 1 });
      else person.devices += 1;
    }
    const rank = (person: Person): number => (person.user === me ? 0 : 1);
    return [...people.values()].sort((a, b) => rank(a) - rank(b) || a.name.localeCompare(b.name) || (a.user < b.user ? -1 : 1));
  }

  /** Sessions that only read, without a name. */
  get guests(): number {
    let guests = 0;
    for (const { user } of this.#sessions.values()) if (!user) guests += 1;
    return guests;
  }

  #change(change: (sessions: Map<string, Session>) => void): void {
    change(this.#sessions);
    this.#meanwhile?.push(change);
  }

  #has(user: string | undefined): boolean {
    for (const session of this.#sessions.values()) if (session.user === user) return true;
    return false;
  }
}

function nameOf(session: Session): string {
  return nameIn(session.connInfo) ?? 'Somebody';
}
