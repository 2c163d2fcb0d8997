// The page at /demo/monitoring.

import { openTop } from '../frame/top.ts';

openTop('Live monitoring');
