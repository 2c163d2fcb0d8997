// The way to the demo applications, where the server has them: it says so beside this page, in the field `Link`.

import { element } from './element.ts';

const FIELD = '</demo/>';

export async function showDemos(): Promise<void> {
  try {
    const answer = await fetch(location.pathname, { method: 'HEAD' });
    element('demos', HTMLElement).hidden = !(answer.headers.get('link') ?? '').includes(FIELD);
  } catch {
    // No server, no demos.
  }
}
