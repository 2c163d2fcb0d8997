// JSON Web Tokens, made with Node's own cryptography.

import { createHmac, generateKeyPairSync, sign } from 'node:crypto';

export const SECRET = 'a secret of the tests that is long enough';

/** Seconds since 1970, as tokens count; `later` may be negative. */
export function seconds(later = 0) {
  return Math.floor(Date.now() / 1_000) + later;
}

/** How long somebody may take to connect: machines are busy, and in a browser a frame may have to be made for him first. */
const CONNECT_S = 1.3;

/** Unix seconds that are over one second after that at the latest: never while somebody still connects. */
export function soon() {
  return Math.ceil(Date.now() / 1_000 + CONNECT_S);
}

/** Signed with a shared secret: HS256, HS384 or HS512. */
export function token(claims, { secret = SECRET, algorithm = 'HS256', header = {} } = {}) {
  return assemble({ alg: algorithm, typ: 'JWT', ...header }, claims, (text) =>
    createHmac(`sha${algorithm.slice(2)}`, secret)
      .update(text)
      .digest(),
  );
}

const CURVES = { ES256: 'P-256', ES384: 'P-384', ES512: 'P-521' };

/** A pair of keys for one algorithm: RS*, ES* or EdDSA. */
export class Signer {
  constructor(algorithm, id) {
    this.algorithm = algorithm;
    this.id = id;
    const pair = newPair(algorithm);
    this.privateKey = pair.privateKey;
    this.publicKey = pair.publicKey;
  }

  get pem() {
    return this.publicKey.export({ type: 'spki', format: 'pem' });
  }

  get jwk() {
    return { ...this.publicKey.export({ format: 'jwk' }), kid: this.id, alg: this.algorithm, use: 'sig' };
  }

  token(claims) {
    const header = { alg: this.algorithm, typ: 'JWT' };
    if (this.id !== undefined) header.kid = this.id;
    const digest = this.algorithm === 'EdDSA' ? null : `sha${this.algorithm.slice(2)}`;
    return assemble(header, claims, (text) => sign(digest, Buffer.from(text), { key: this.privateKey, dsaEncoding: 'ieee-p1363' }));
  }
}

function newPair(algorithm) {
  if (algorithm === 'EdDSA') return generateKeyPairSync('ed25519');
  if (algorithm.startsWith('RS')) return generateKeyPairSync('rsa', { modulusLength: 2_048 });
  return generateKeyPairSync('ec', { namedCurve: CURVES[algorithm] });
}

function assemble(header, claims, signature) {
  const text = `${encode(header)}.${encode(claims)}`;
  return `${text}.${signature(text).toString('base64url')}`;
}

function encode(value) {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
