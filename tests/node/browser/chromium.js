// Headless Chromium, driven by playwright-core, with nothing left over from another run.

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { chromium } from 'playwright-core';

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

const OPTIONS = { executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: FLAGS, timeout: 60_000 };

/** A fresh user data folder comes with every launch. */
export function launch() {
  return chromium.launch(OPTIONS);
}

/** A browser for several programs: its address is for `connect`. */
export function launchServer() {
  return chromium.launchServer({ ...OPTIONS, host: '127.0.0.1' });
}

export function connect(address) {
  return chromium.connect(address);
}

/** A page that remembers what went wrong in it and whom it asked. */
export async function openPage(browser, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  const faults = [];
  const hosts = new Set();
  page.on('pageerror', (error) => faults.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error') faults.push(message.text());
  });
  page.on('request', (request) => hosts.add(new URL(request.url()).host));
  return { page, faults, hosts };
}

/** Keeps a picture under `$REPORTS`, by default `target/reports/browser`. */
export async function picture(page, name) {
  const folder = process.env.REPORTS ?? fileURLToPath(new URL('../../../target/reports/browser', import.meta.url));
  await mkdir(folder, { recursive: true });
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true });
}
