// The page at /demo: the four applications, each with a live picture.

import { openTop } from './frame/top.ts';

openTop('Demos');
