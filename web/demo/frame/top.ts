// The top bar of a demo page: the logo, which leads to all of them, and the page's name.

import './frame.css';

/** Fills the page's `<header id="top">`. */
export function openTop(name: string): void {
  const top = document.getElementById('top');
  if (top === null) throw new Error('the page has no #top');
  const home = document.createElement('a');
  home.href = '/demo/';
  home.className = 'brand';
  home.textContent = 'Wavecast';
  const title = document.createElement('span');
  title.className = 'page-name';
  title.textContent = name;
  top.append(home, title);
}
