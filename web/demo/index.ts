// The page at /demo: the four applications, each with a live picture.

import { Frame } from './frame/frame.ts';

new Frame('Demos');
