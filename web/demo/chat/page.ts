// What all demo pages have, as this one uses it: a client whose link is shown, and the panel.

import { Centrifuge, type Subscription } from 'centrifuge';

import hookLines from '../../../examples/demo_chat.rs?how';
import options from '../../../examples/demo_chat.json?raw';
import { endpoint, Frame, type HowChannel } from '../frame/frame.ts';
import sendingLines from './chat.ts?how';
import devicesLines from './devices.ts?how';
import hereLines from './here.ts?how';
import loginLines from './login.ts?how';
import roomLines from './room.ts?how';

export interface Page {
  readonly client: Centrifuge;
  /** The state of the link tells of this subscription, too, of which nothing may be missing. */
  follow(subscription: Subscription): void;
  /** The channels that the panel names. */
  name(channels: readonly HowChannel[]): void;
}

export function openPage(): Page {
  const frame = new Frame('Chat');
  const client = new Centrifuge(endpoint(), { ...frame.options(), name: 'wavecast-chat' });
  frame.watch(client);
  const panel = frame.explain(
    [],
    [
      { path: 'web/demo/chat/room.ts', excerpts: roomLines },
      { path: 'web/demo/chat/chat.ts', excerpts: sendingLines },
      { path: 'web/demo/chat/here.ts', excerpts: hereLines },
      { path: 'web/demo/chat/devices.ts', excerpts: devicesLines },
      { path: 'web/demo/chat/login.ts', excerpts: loginLines },
      { path: 'examples/demo_chat.rs', excerpts: hookLines },
      { path: 'examples/demo_chat.json', excerpts: [{ title: 'The options of its channels', code: options.trim() }] },
    ],
  );
  return {
    client,
    follow: (subscription) => frame.follow(subscription, { complete: true }),
    name: (channels) => panel.setChannels(channels),
  };
}
