// The HTTP API, called as a back end calls it: with fetch, and with the real curl.

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Calls a method and returns the HTTP status and the parsed answer. */
export async function call(server, method, request, headers = {}) {
  const response = await fetch(`${server.origin}/api/${method}`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...headers },
    body: typeof request === 'string' ? request : JSON.stringify(request),
    signal: AbortSignal.timeout(10_000),
  });
  const text = await response.text();
  return { status: response.status, answer: parsed(text), text };
}

/** Calls a method that has to succeed and returns its result. */
export async function ask(server, method, request) {
  const { status, answer, text } = await call(server, method, request);
  if (status !== 200 || answer?.result === undefined) throw new Error(`${method}: ${status} ${text}`);
  return answer.result;
}

export function publish(server, channel, data, more = {}) {
  return ask(server, 'publish', { channel, data, ...more });
}

/** Publishes with curl, as somebody at a terminal does. */
export async function curlPublish(server, channel, data) {
  const body = JSON.stringify({ channel, data });
  const words = ['--silent', '--show-error', '--fail', '--max-time', '10', '--data', body, `${server.origin}/api/publish`];
  const { stdout } = await run('curl', words);
  return JSON.parse(stdout).result;
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
