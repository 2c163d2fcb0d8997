// What travels between a test and the frame in which its clients live: JSON, in which bytes and errors have a form of their own.
// Both functions are taken into the frame as text, so each of them stands alone.

/** `refer` gives what the other side knows by number (functions, subscriptions) its form; anything else it leaves `undefined`. */
export function toText(value, refer = () => undefined) {
  return JSON.stringify(value, function replace(key) {
    // Not the argument: a Buffer would have become something else by `toJSON`.
    const plain = this[key];
    if (plain instanceof Uint8Array) {
      let $bytes = '';
      for (const byte of plain) $bytes += String.fromCharCode(byte);
      return { $bytes };
    }
    if (plain instanceof Error) return { $error: { ...plain, name: plain.name, message: plain.message } };
    return refer(plain) ?? plain;
  });
}

/** `resolve` finds what a form stands for, and returns anything else as it is. */
export function fromText(text, resolve = (plain) => plain) {
  return JSON.parse(text, (_, plain) => {
    if (typeof plain !== 'object' || plain === null) return plain;
    if (plain.$bytes !== undefined) {
      const bytes = new Uint8Array(plain.$bytes.length);
      for (let at = 0; at < bytes.length; at += 1) bytes[at] = plain.$bytes.charCodeAt(at);
      return bytes;
    }
    if (plain.$error !== undefined) return Object.assign(new Error(), plain.$error);
    return resolve(plain);
  });
}
