// History: by the client, by the API, forwards and backwards, and only what the namespace keeps.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { ask, call, publish } from '../api.js';
import { ENCODINGS } from '../encodings.js';
import { Server } from '../server.js';
import { connected, subscribed } from '../subscriber.js';

let server;

before(async () => {
  server = await Server.start();
  for (let number = 1; number <= 10; number += 1) await publish(server, 'past', number);
});

after(async () => {
  await server?.stop();
});

for (const encoding of ENCODINGS) {
  describe(encoding.name, () => {
    let client;
    let subscription;
    const numbers = ({ publications }) => publications.map(({ data }) => encoding.unpack(data));

    before(async () => {
      ({ client } = await connected(server.endpoint, { encoding }));
      ({ subscription } = await subscribed(client, 'past'));
    });

    after(() => client?.disconnect());

    test('limit 0 is the position alone', async () => {
      const page = await subscription.history({ limit: 0 });
      assert.deepEqual(page.publications, []);
      assert.equal(page.offset, 10);
      assert.match(page.epoch, /\S/);
    });

    test('a limit takes the oldest, reversed the newest', async () => {
      assert.deepEqual(numbers(await subscription.history({ limit: 3 })), [1, 2, 3]);
      assert.deepEqual(numbers(await subscription.history({ limit: 3, reverse: true })), [10, 9, 8]);
    });

    test('limit -1 is everything', async () => {
      const page = await subscription.history({ limit: -1 });
      assert.deepEqual(numbers(page), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
      assert.deepEqual(page.publications.map(({ offset }) => offset), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    });

    test('pages follow one another by position', async () => {
      const { epoch } = await subscription.history({ limit: 0 });
      const seen = [];
      for (let offset = 0; ; ) {
        const page = await subscription.history({ limit: 4, since: { offset, epoch } });
        if (page.publications.length === 0) break;
        seen.push(...numbers(page));
        offset = page.publications.at(-1).offset;
      }
      assert.deepEqual(seen, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    });

    test('a position of another stream is refused, not answered', async () => {
      const foreign = subscription.history({ limit: 5, since: { offset: 3, epoch: 'another' } });
      await assert.rejects(foreign, (error) => error.code === 112);
    });

    test('the history is bounded and keeps the newest', async () => {
      const channel = `busy-${encoding.name}`;
      const { subscription: busy } = await subscribed(client, channel);
      const total = 350;
      for (let start = 1; start <= total; start += 50) {
        const batch = Array.from({ length: 50 }, (_, index) => start + index);
        for (const number of batch) await publish(server, channel, number);
      }
      const page = await busy.history({ limit: -1 });
      assert.equal(page.offset, total);
      assert.equal(page.publications.length, 300);
      assert.equal(page.publications[0].offset, 51);
    });
  });
}

test('the API reads the same stream', async () => {
  const page = await ask(server, 'history', { channel: 'past', limit: 2, reverse: true });
  assert.deepEqual(page.publications.map(({ data }) => data), [10, 9]);
  assert.equal(page.offset, 10);
  const { answer } = await call(server, 'history', { channel: 'past', limit: 5, since: { offset: 3, epoch: 'another' } });
  assert.equal(answer.error.code, 112);
});
