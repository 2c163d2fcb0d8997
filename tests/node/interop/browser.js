// One Chromium for all tests of a run: says where it is, and ends when nobody needs it any more.

import { launchServer } from '../browser/chromium.js';
import { orders, say } from './words.js';

const server = await launchServer();
say('browser', server.wsEndpoint());
for await (const order of orders()) throw new Error(order);
await server.close();
process.exit();
