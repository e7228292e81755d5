/** The pages before and after a session. */
import type { Context } from 'hono';
import { Layout, noStore, show } from './layout.tsx';

/** Leads on to where people log in. */
export function leadToLogin(c: Context, url: string) {
  c.header('refresh', `0; url=${url}`);
  return show(
    c,
    <Layout title="Log in · Control Tower">
      <section class="panel empty">
        <h1>Log in</h1>
        <p class="lead">
          Go on to <a href={url}>{new URL(url).host}</a>, where people log in.
        </p>
      </section>
    </Layout>,
    noStore,
  );
}

export const loggedOut = (c: Context) =>
  show(
    c,
    <Layout title="Logged out · Control Tower">
      <section class="panel empty">
        <h1>You are logged out</h1>
        <p class="lead">
          You may still be logged in where people of your organisation log in: on a shared machine, log out there too.
        </p>
        <p>
          <a href="/">Back to the fleet</a>
        </p>
      </section>
    </Layout>,
    noStore,
  );
