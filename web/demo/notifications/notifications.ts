// The page at /demo/notifications: puts together who is here, the link, and the parts of the screen.

import '../frame/frame.css';
import './notifications.css';

import backEnd from '../../../examples/demo_notifications.rs?how';
import { Frame } from '../frame/frame.ts';
import { browserStore, recallName } from './memory.ts';
import memory from './memory.ts?how';
import { Page } from './page.ts';
import readMarks from './read-marks.ts?how';
import { Session } from './session.ts';
import session from './session.ts?how';
import stream from './stream.ts?how';
import { nameIn, nameOf, newName } from './user-name.ts';
import { DesktopSwitch } from './view/desktop-switch.ts';
import { OrderForm } from './view/order-form.ts';
import { Who } from './view/who.ts';

const frame = new Frame('Notifications');
const page = new Page();
const who = new Who(become);
const folder = 'web/demo/notifications';
const how = frame.explain(
  [],
  [
    { path: `${folder}/session.ts`, excerpts: session },
    { path: `${folder}/stream.ts`, excerpts: stream },
    { path: `${folder}/memory.ts`, excerpts: memory },
    { path: `${folder}/read-marks.ts`, excerpts: readMarks },
    { path: 'examples/demo_notifications.rs', excerpts: backEnd },
  ],
);
let current: Session | undefined;

new OrderForm().attach(async (item) => current?.order(item));
new DesktopSwitch().attach();
become(nameIn(location.search) ?? nameOf(recallName(browserStore()) ?? '') ?? newName());

function become(user: string): void {
  who.show(user);
  page.become(user, ({ positions }, observer) => {
    const made = new Session(user, positions, frame.options(), observer);
    current = made;
    frame.watch(made.client);
    const { all, user: own } = made.streams;
    for (const { subscription } of [all, own]) frame.follow(subscription, { complete: true });
    how.setChannels([
      { name: all.subscription.channel, note: 'what everybody gets; the last hundred are kept for a day' },
      { name: own.subscription.channel, note: `what only ${user} gets, and the steps of orders` },
      { name: made.marks.channel, note: `what ${user} has read, on any device; the newest state is kept` },
    ]);
    made.open();
    return made;
  });
}
