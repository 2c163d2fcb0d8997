// The page at /demo/notifications.

import { openTop } from '../frame/top.ts';

openTop('Notifications');
