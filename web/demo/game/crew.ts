// Who flies which ship. Players are known from presence, joins and leaves; bots have a name for each number.

export interface Info {
  readonly client: string;
  readonly connInfo?: unknown;
}

const FIRST_BOT = 0xff00;
const BOTS = ['Kestrel', 'Marlin', 'Osprey', 'Wagtail', 'Dunlin', 'Plover', 'Tern', 'Curlew', 'Fulmar', 'Petrel', 'Avocet', 'Linnet'];

const decoder = new TextDecoder();

export class Crew {
  readonly #byClient = new Map<string, { readonly ship: number; readonly name: string }>();
  /** Names outlive their players for the list of a round. */
  readonly #names = new Map<number, string>();

  get players(): number {
    return this.#byClient.size;
  }

  /** Everybody who is there. */
  replace(infos: readonly Info[]): void {
    this.#byClient.clear();
    for (const info of infos) this.add(info);
  }

  /** Who that is; undefined for who brings no name. */
  add(info: Info): string | undefined {
    const known = parse(info.connInfo);
    if (known === undefined) return undefined;
    this.#byClient.set(info.client, known);
    this.#names.set(known.ship, known.name);
    return known.name;
  }

  remove({ client }: Info): string | undefined {
    const known = this.#byClient.get(client);
    this.#byClient.delete(client);
    return known?.name;
  }

  name(ship: number): string {
    if (ship >= FIRST_BOT) return BOTS[(ship - FIRST_BOT) % BOTS.length] ?? 'Bot';
    // Who has just gone is in nobody's presence any more; the ship stays a little.
    return this.#names.get(ship) ?? `Ship ${ship}`;
  }

  has(ship: number): boolean {
    return ship >= FIRST_BOT || this.#names.has(ship);
  }
}

/** Over Protobuf it comes as bytes. */
function parse(info: unknown): { ship: number; name: string } | undefined {
  try {
    const value: unknown = info instanceof Uint8Array ? JSON.parse(decoder.decode(info)) : info;
    if (typeof value !== 'object' || value === null || !('ship' in value) || !('name' in value)) return undefined;
    return typeof value.ship === 'number' && typeof value.name === 'string' ? { ship: value.ship, name: value.name } : undefined;
  } catch {
    return undefined;
  }
}
