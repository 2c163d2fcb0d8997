// The page at /demo/game.

import { openTop } from '../frame/top.ts';

openTop('Game');
