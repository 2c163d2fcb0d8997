// The page at /demo/chat.

import { openTop } from '../frame/top.ts';

openTop('Chat');
