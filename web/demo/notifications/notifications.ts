// The page at /demo/notifications: puts together who is here, the link, and the parts of the screen.

import './notifications.css';

import { endpoint, Link } from '../frame/link.ts';
import { Tap } from '../frame/tap.ts';
import { openTop } from '../frame/top.ts';
import { browserStore, recallName } from './memory.ts';
import { Page } from './page.ts';
import { Session } from './session.ts';
import { nameIn, nameOf, newName } from './user-name.ts';
import { DesktopSwitch } from './view/desktop-switch.ts';
import { OrderForm } from './view/order-form.ts';
import { Who } from './view/who.ts';

const RETRY_DELAY_MS = 2_000 + Math.random() * 2_000;

openTop('Notifications');
const tap = new Tap();
const link = new Link(RETRY_DELAY_MS, () => {});
const page = new Page();
let session: Session | undefined;

const who = new Who(become);
new OrderForm().attach(async (item) => session?.order(item));
new DesktopSwitch().attach();
become(nameIn(location.search) ?? nameOf(recallName(browserStore()) ?? '') ?? newName());

function become(user: string): void {
  who.show(user);
  page.become(user, ({ positions }, observer) => {
    session = new Session({ endpoint: endpoint(), user, positions, retryDelayMs: RETRY_DELAY_MS, websocket: tap.socket() }, observer);
    link.watch(session.client);
    for (const { subscription } of Object.values(session.streams)) link.follow(subscription, true);
    session.client.connect();
    return session;
  });
}
