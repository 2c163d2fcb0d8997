// The page at /demo/notifications.

import { Frame } from '../frame/frame.ts';

new Frame('Notifications');
