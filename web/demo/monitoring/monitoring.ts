// The page at /demo/monitoring.

import { Frame } from '../frame/frame.ts';

new Frame('Live monitoring');
