/** The frame of every page. */
import type { Context } from 'hono';
import { getContext, tryGetContext } from 'hono/context-storage';
import type { Child } from 'hono/jsx';
import type { statusOf } from '../api/problem.ts';
import { favicon, styleSheet } from './assets.ts';

interface LayoutProps {
  readonly title: string;
  readonly current?: 'fleet' | 'explore' | 'alerts' | 'waivers' | 'tokens' | 'audit' | 'api';
  readonly children: Child;
}

/** For a visitor who can log in and has not; comes back to the page with the question that its address holds. */
export function LogIn({ before = '' }: { readonly before?: string }) {
  const c = tryGetContext();
  if (!c?.get('hasLogin') || c.get('person')) return null;
  const { pathname, search } = new URL(c.req.url);
  return (
    <>
      {before}
      <a href={`/login?to=${encodeURIComponent(pathname + search)}`}>{before ? 'log in' : 'Log in'}</a>
    </>
  );
}

/** Lines for a shell, with the address at which this server is reached. */
export const Shell = ({ lines }: { readonly lines: (origin: string) => string }) => (
  <pre>{lines(getContext().get('origin'))}</pre>
);

/** Who is logged in, and the way in or out; nothing where nobody logs in. */
function Visitor() {
  const c = tryGetContext();
  const person = c?.get('hasLogin') ? c.get('person') : null;
  if (!person) return <LogIn />;
  return (
    <form method="post" action="/logout" class="visitor">
      <input type="hidden" name="csrf" value={person.csrf} />
      <span>{person.name}</span>
      <button type="submit">Log out</button>
    </form>
  );
}

export function Layout({ title, current, children }: LayoutProps) {
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>{title}</title>
        <link rel="icon" type="image/svg+xml" href={favicon.path} />
        <link rel="stylesheet" href={styleSheet.path} />
      </head>
      <body>
        <a class="skip-link" href="#main">
          Skip to the content
        </a>
        <header class="bar-top">
          <div>
            <a class="brand" href="/">
              <svg viewBox="0 0 24 24" aria-hidden="true">
                <path fill="currentColor" d="M6 3h12l2 6-3 3v9H7v-9L4 9z" />
                <path fill="var(--panel)" d="M7.3 5h2.9l.2 3.4H6.2zM12 5h1.9v3.4h-2.3zM16.7 5h-1.5v3.4h2.6z" />
              </svg>
              Control Tower
            </a>
            <nav aria-label="Main">
              <a href="/" {...(current === 'fleet' && { 'aria-current': 'page' })}>
                Fleet
              </a>
              <a href="/explore" {...(current === 'explore' && { 'aria-current': 'page' })}>
                Explore
              </a>
              <a href="/alerts" {...(current === 'alerts' && { 'aria-current': 'page' })}>
                Alerts
              </a>
              <a href="/waivers" {...(current === 'waivers' && { 'aria-current': 'page' })}>
                Waivers
              </a>
              <a href="/tokens" {...(current === 'tokens' && { 'aria-current': 'page' })}>
                Tokens
              </a>
              <a href="/audit" {...(current === 'audit' && { 'aria-current': 'page' })}>
                Audit
              </a>
              <a href="/api" {...(current === 'api' && { 'aria-current': 'page' })}>
                API
              </a>
            </nav>
            <Visitor />
          </div>
        </header>
        <main class="page" id="main">
          {children}
        </main>
        <footer class="footer">
          Scores are recomputed here from the results of each report. ML Test Score: Breck, Cai, Nielsen, Salib, Sculley, IEEE Big
          Data 2017.
        </footer>
      </body>
    </html>
  );
}

/** What only the visitor of now may see, or what a form says of what was sent. */
export const noStore = { keep: 'no-store' } as const;

interface Showing {
  readonly status?: 200 | 422 | ReturnType<typeof statusOf>;
  /** Unless told it is asked for again, and answered anew. */
  readonly keep?: 'no-cache' | 'no-store';
}

/** Answers with a page. */
export const show = (c: Context, page: { toString(): string }, { status = 200, keep = 'no-cache' }: Showing = {}) =>
  c.html(documentOf(page), status, { 'cache-control': keep });

/** Marks that turn text round, in a name or a label, would turn round what a page says beside it: they are seen instead. */
export const withMarksSeen = (html: string): string => html.replaceAll(/\p{Bidi_Control}/gu, '\uFFFD');

/** The page as a document. */
export const documentOf = (page: { toString(): string }): string => `<!DOCTYPE html>${withMarksSeen(page.toString())}`;
