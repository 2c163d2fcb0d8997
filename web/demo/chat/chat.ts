// The page at /demo/chat.

import { Frame } from '../frame/frame.ts';

new Frame('Chat');
