/** GET /models/{id}/badge: the badge of a model, and its line for a README. */
import type { Context } from 'hono';
import { badgeKinds, readSignedBadgeQuery, type SignedBadge, signBadge } from '../api/badges.ts';
import { idOf } from '../api/query.ts';
import { adminForm } from '../auth/acting.ts';
import { replaceBadgeKey } from '../store/badge-key.ts';
import type { Database } from '../store/database.ts';
import { ChoiceField, TextField } from './form.tsx';
import { documentOf, Layout } from './layout.tsx';
import { day } from './words.ts';

interface BadgePageProps {
  readonly id: number;
  readonly signed: SignedBadge;
  readonly asked: ReturnType<typeof readSignedBadgeQuery>;
}

const kindWords = { score: 'the ML Test Score', structure: 'the structure', gate: 'the gate' } as const;

function BadgePage({ id, signed, asked }: BadgePageProps) {
  return (
    <Layout title={`Badge of ${signed.model} · Control Tower`} current="fleet">
      <header>
        <p class="path">
          <a href="/">Fleet</a> / <a href={`/models/${id}`}>{signed.model}</a>
        </p>
        <h1>Badge</h1>
        <p class="lead">
          Whoever has this address sees this badge, and nothing else of the model, until {day(signed.expiresAt)}. An admin ends
          all such addresses at once.
        </p>
      </header>
      <section class="panel record-form" aria-label="The badge">
        <p>
          <img src={signed.path} alt={`Badge of ${signed.model}`} height="20" />
        </p>
        <pre class="wrapped">{signed.markdown}</pre>
        <form method="get" action={`/models/${id}/badge`}>
          <fieldset>
            <legend>Another one</legend>
            <ChoiceField
              name="show"
              label="It says"
              value={asked.show}
              options={badgeKinds.map((kind) => [kind, kindWords[kind]])}
            />
            <TextField name="days" label="For days" value={String(asked.days)} isNumber />
          </fieldset>
          <div class="buttons">
            <button type="submit">Sign</button>
          </div>
        </form>
      </section>
    </Layout>
  );
}

export const badgePageRoute =
  (db: Database, publicUrl: string | null) =>
  async (c: Context): Promise<Response> => {
    const signed = await signBadge(c, db, publicUrl);
    const props = { id: idOf(c.req.param('id') ?? ''), signed, asked: readSignedBadgeQuery(c.req.url) };
    return c.html(documentOf(<BadgePage {...props} />), 200, { 'cache-control': 'no-store' });
  };

/** The form of an admin that ends every signed address. */
export const sendBadgesRevoked =
  (db: Database) =>
  async (c: Context): Promise<Response> => {
    const { actor } = await adminForm(c);
    await replaceBadgeKey(db, actor);
    return c.redirect('/tokens', 303);
  };
