/** What the pages load: one style sheet and the icon, named by their content so that browsers keep them. */
import { createHash } from 'node:crypto';
import { pageCss } from '../../reports/html/page-css.ts';
import { themeCss } from '../../reports/html/theme.ts';
import { towerCss } from './tower-css.ts';

interface Asset {
  readonly path: string;
  readonly type: string;
  readonly content: string;
}

const icon =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24"><path fill="#0072b2" d="M6 3h12l2 6-3 3v9H7v-9L4 9z"/><path fill="#fff" d="M7.3 5h2.9l.2 3.4H6.2zM12 5h1.9v3.4h-2.3zM16.7 5h-1.5v3.4h2.6z"/></svg>';

const asset = (name: string, extension: string, type: string, content: string): Asset => ({
  path: `/assets/${name}-${createHash('sha256').update(content).digest('hex').slice(0, 12)}.${extension}`,
  type,
  content,
});

export const styleSheet: Asset = asset('tower', 'css', 'text/css; charset=utf-8', [themeCss, pageCss, towerCss].join('\n'));
export const favicon: Asset = asset('icon', 'svg', 'image/svg+xml', icon);
export const assets: readonly Asset[] = [styleSheet, favicon];
