// Connection tokens: which are good, what is in them, and what becomes of those that are not or no longer.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Centrifuge } from 'centrifuge';

import { ask } from '../api.js';
import { BackEnd } from '../backend.js';
import { ENCODINGS } from '../encodings.js';
import { next, until } from '../patience.js';
import { RawSocket } from '../raw.js';
import { Server } from '../server.js';
import { connected, guest, refused, subscribed } from '../subscriber.js';
import { SECRET, seconds, soon, Signer, token } from '../tokens.js';

const PREVIOUS = 'what the secret was before';
const rsa = new Signer('RS256');
const ecdsa = new Signer('ES256');
const stranger = new Signer('RS256');

const TOKEN = { hmac_secret_key: SECRET, rsa_public_key: rsa.pem, ecdsa_public_key: ecdsa.pem };
const CHANNEL = { without_namespace: { presence: true, allow_subscribe_for_client: true, allow_subscribe_for_anonymous: true } };

let backEnd;
const servers = {};

function configuration(more = {}, client = {}) {
  return {
    client: { token: { ...TOKEN, ...more }, ...client },
    http_api: { insecure: true },
    channel: CHANNEL,
  };
}

const rotating = [new Signer('RS512', 'one'), new Signer('ES384', 'two'), new Signer('EdDSA', 'three')];

before(async () => {
  backEnd = await BackEnd.start();
  backEnd.answer('keys', () => ({ keys: rotating.map(({ jwk }) => jwk) }));
  servers.plain = await Server.start({ config: configuration() });
  servers.strict = await Server.start({
    config: configuration({ audience: 'chat', issuer: 'tests', user_id_claim: 'user_id' }, { disallow_anonymous_connection_tokens: true }),
  });
  servers.keys = await Server.start({ config: configuration({ jwks_public_endpoint: backEnd.url('keys') }) });
  servers.rotated = await Server.start({
    config: configuration({ hmac_previous_secret_key: PREVIOUS, hmac_previous_secret_key_valid_until: seconds(600) }),
  });
  servers.settled = await Server.start({
    config: configuration({ hmac_previous_secret_key: PREVIOUS, hmac_previous_secret_key_valid_until: seconds(-5) }),
  });
});

after(async () => {
  for (const server of Object.values(servers)) await server.stop();
  await backEnd?.stop();
});

/** Who the server takes the owner of the token for. */
async function whoIs(server, given, encoding) {
  const { client, context } = await connected(server.endpoint, { token: given, encoding });
  try {
    await subscribed(client, 'who');
    const { presence } = await ask(server, 'presence', { channel: 'who' });
    return presence[context.client];
  } finally {
    client.disconnect();
  }
}

for (const encoding of ENCODINGS) {
  // Some wait for the end of a second.
  describe(encoding.name, { concurrency: 4 }, () => {
    for (const algorithm of ['HS256', 'HS384', 'HS512']) {
      test(`${algorithm} is taken`, async () => {
        const { user } = await whoIs(servers.plain, token({ sub: 'ann', exp: seconds(60) }, { algorithm }), encoding);
        assert.equal(user, 'ann');
      });
    }

    test('a token says who one is, and what others see of one', async () => {
      const info = { name: 'Änn', admin: false };
      const person = await whoIs(servers.plain, token({ sub: 'ann', exp: seconds(60), info }), encoding);
      assert.equal(person.user, 'ann');
      assert.deepEqual(person.conn_info, info);
      const b64info = Buffer.from('{"from":"base64"}').toString('base64');
      const other = await whoIs(servers.plain, token({ sub: 'bob', b64info }), encoding);
      assert.deepEqual(other.conn_info, { from: 'base64' });
    });

    test('RS256 and ES256 are taken with their public keys', async () => {
      assert.equal((await whoIs(servers.plain, rsa.token({ sub: 'ann' }), encoding)).user, 'ann');
      assert.equal((await whoIs(servers.plain, ecdsa.token({ sub: 'eve' }), encoding)).user, 'eve');
    });

    test('keys of a JWKS end point are found by their id', async () => {
      for (const signer of rotating) {
        assert.equal((await whoIs(servers.keys, signer.token({ sub: signer.id }), encoding)).user, signer.id, signer.algorithm);
      }
    });

    test('a token that is over is told so, and a fresh one gets in', async (t) => {
      const stale = token({ sub: 'ann', exp: seconds(-10) });
      let fetched = 0;
      await guest(t, servers.plain.endpoint, {
        encoding,
        token: stale,
        getToken: async () => {
          fetched += 1;
          return token({ sub: 'ann', exp: seconds(60) });
        },
      });
      assert.equal(fetched, 1);
    });

    test('a connection is refreshed before it expires, and stays the same', async (t) => {
      let fetched = 0;
      const { client, id } = await guest(t, servers.plain.endpoint, {
        encoding,
        token: token({ sub: 'ann', exp: seconds(4) }),
        getToken: async () => {
          fetched += 1;
          return token({ sub: 'ann', exp: seconds(60), info: { fresh: true } });
        },
      });
      await until(() => fetched === 1, 'the refresh');
      await subscribed(client, 'refreshed');
      const { presence } = await ask(servers.plain, 'presence', { channel: 'refreshed' });
      assert.deepEqual(Object.keys(presence), [id]);
      assert.equal(client.state, 'connected');
    });

    test('a refresh with the token of somebody else ends the connection for good', async (t) => {
      let isIn = false;
      const { client } = await guest(t, servers.plain.endpoint, {
        encoding,
        getToken: async () => token(isIn ? { sub: 'bob', exp: seconds(60) } : { sub: 'ann', exp: soon() }),
      });
      isIn = true;
      assert.equal((await next(client, 'disconnected')).code, 3500);
    });

    test('who is anonymous may be let in, or not', async () => {
      assert.equal((await whoIs(servers.plain, token({ sub: '' }), encoding)).user ?? '', '');
      assert.equal((await refused(servers.plain.endpoint, { encoding })).code, 3501);
      const nobody = token({ sub: '', aud: 'chat', iss: 'tests' });
      assert.equal((await refused(servers.strict.endpoint, { encoding, token: nobody })).code, 3507);
    });
  });
}

test('audience, issuer and the claim that names the user are asked for', async () => {
  const good = { user_id: 'ann', aud: ['other', 'chat'], iss: 'tests' };
  assert.equal((await whoIs(servers.strict, token(good))).user, 'ann');
  for (const claims of [
    { ...good, aud: 'mail' },
    { ...good, aud: undefined },
    { ...good, iss: 'elsewhere' },
    { ...good, iss: undefined },
  ]) {
    assert.equal((await refused(servers.strict.endpoint, { token: token(claims) })).code, 3500, JSON.stringify(claims));
  }
});

test('the previous secret is good until its time is over', async () => {
  const old = token({ sub: 'ann' }, { secret: PREVIOUS });
  assert.equal((await whoIs(servers.rotated, old)).user, 'ann');
  assert.equal((await refused(servers.settled.endpoint, { token: old })).code, 3500);
});

const [head, body, signature] = token({ sub: 'ann' }).split('.');
const unsigned = `${Buffer.from('{"alg":"none","typ":"JWT"}').toString('base64url')}.${body}.`;

for (const [what, given] of [
  ['no token at all', 'nonsense'],
  ['two parts', `${head}.${body}`],
  ['four parts', `${head}.${body}.${signature}.${signature}`],
  ['parts that are not base64', '*.*.*'],
  ['a header that is no JSON', `${Buffer.from('nonsense').toString('base64url')}.${body}.${signature}`],
  ['claims that are no object', token([1, 2])],
  ['claims of the wrong type', token({ sub: 12 })],
  ['channels that are no list', token({ sub: 'ann', channels: 'news' })],
  ['another secret', token({ sub: 'ann' }, { secret: 'guess' })],
  ['a signature that is cut', `${head}.${body}.${signature.slice(0, -4)}`],
  ['another body under the same signature', `${head}.${Buffer.from('{"sub":"bob"}').toString('base64url')}.${signature}`],
  ['no signature', unsigned],
  ['an algorithm nobody knows', token({ sub: 'ann' }, { header: { alg: 'XX256' } })],
  ['a public key as the shared secret', token({ sub: 'ann' }, { secret: rsa.pem })],
  ['a key that is not ours', stranger.token({ sub: 'ann' })],
  ['a token for a subscription', token({ sub: 'ann', channel: 'news' })],
]) {
  test(`refused with 3500: ${what}`, async () => {
    const { code, reason } = await refused(servers.plain.endpoint, { token: given });
    assert.deepEqual({ code, reason }, { code: 3500, reason: 'invalid token' });
  });
}

test('a key id that the end point does not have is refused', async () => {
  const { code } = await refused(servers.keys.endpoint, { token: new Signer('ES256', 'unheard').token({ sub: 'ann' }) });
  assert.equal(code, 3500);
});

test('on the wire: 109 for what is over, and time to live for what will be', async () => {
  const late = await RawSocket.open(servers.plain.endpoint);
  const { error } = await late.reply({ id: 1, connect: { token: token({ sub: 'ann', exp: seconds(-10) }) } });
  assert.deepEqual(error, { code: 109, message: 'token expired' });
  late.close();
  const early = await RawSocket.open(servers.plain.endpoint);
  const unripe = await early.reply({ id: 1, connect: { token: token({ sub: 'ann', nbf: seconds(600) }) } });
  assert.equal(unripe.error.code, 109, 'a token whose time has not come');
  early.close();
  const raw = await RawSocket.connect(servers.plain.endpoint, { token: token({ sub: 'ann', exp: seconds(100) }) });
  assert.equal(raw.connection.expires, true);
  assert.ok(raw.connection.ttl > 95 && raw.connection.ttl <= 100, `ttl ${raw.connection.ttl}`);
  const { refresh } = await raw.reply({ id: 2, refresh: { token: token({ sub: 'ann', exp: seconds(200) }) } });
  assert.ok(refresh.expires && refresh.ttl > 195 && refresh.ttl <= 200, JSON.stringify(refresh));
  raw.send({ id: 3, refresh: {} });
  assert.equal((await raw.closed()).code, 3501);
});

for (const [what, claims, outcome] of [
  ['over', { exp: seconds(-5) }, 3005],
  ['of somebody else', { sub: 'bob' }, 3500],
  ['good for a connection that is over', { expire_at: seconds(-5) }, 110],
  ['without end', {}, {}],
]) {
  test(`refreshing with a token that is ${what}`, async () => {
    const raw = await RawSocket.connect(servers.plain.endpoint, { token: token({ sub: 'ann', exp: seconds(100) }) });
    raw.send({ id: 2, refresh: { token: token({ sub: 'ann', ...claims }) } });
    const { code, error, refresh } = await until(() => raw.end ?? raw.received.find(({ id }) => id === 2), 'an answer or an end');
    assert.deepEqual(code ?? error?.code ?? refresh, outcome);
    raw.close();
  });
}

test('expire_at says when the connection ends, whatever the token', async () => {
  const never = await RawSocket.connect(servers.plain.endpoint, { token: token({ sub: 'ann', exp: seconds(50), expire_at: 0 }) });
  assert.equal(never.connection.expires, undefined);
  never.close();
  const brief = await RawSocket.connect(servers.plain.endpoint, {
    token: token({ sub: 'ann', exp: seconds(5_000), expire_at: seconds(50) }),
  });
  assert.ok(brief.connection.ttl > 45 && brief.connection.ttl <= 50, `ttl ${brief.connection.ttl}`);
  brief.close();
});

test('a client that cannot get a token gives up', async () => {
  const getToken = async () => {
    throw new Centrifuge.UnauthorizedError('signed out');
  };
  const { code } = await refused(servers.plain.endpoint, { token: token({ sub: 'ann', exp: seconds(-1) }), getToken });
  assert.equal(code, 1);
});

describe('what takes some time', { concurrency: 2 }, () => {
  test('keys may be changed behind the end point', async () => {
    const fresh = new Signer('ES256', 'four');
    rotating.push(fresh);
    const given = fresh.token({ sub: 'four' });
    const isTaken = () =>
      RawSocket.connect(servers.keys.endpoint, { token: given }).then(
        (raw) => raw.close() ?? true,
        () => false,
      );
    // A server may look for new keys every few seconds only.
    await until(isTaken, 'the new key is found', 30_000);
    assert.equal((await whoIs(servers.keys, given)).user, 'four');
  });

  test('who does not refresh is disconnected with 3005, some time after', async () => {
    servers.hurried = await Server.start({ config: configuration({}, { expired_close_delay: '1s' }) });
    const connect = () => RawSocket.connect(servers.hurried.endpoint, { token: token({ sub: 'ann', exp: soon() }) }).catch(() => undefined);
    const raw = await until(connect, 'a token that is not over on arrival');
    const { code, reason } = await raw.closed();
    assert.deepEqual({ code, reason }, { code: 3005, reason: 'connection expired' });
  });
});
