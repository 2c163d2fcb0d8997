// The page at /demo/game.

import { Frame } from '../frame/frame.ts';

new Frame('Game');
