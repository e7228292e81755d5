/** GET and POST /models/{id}/badge: the badge of a model; once it is signed, its line for a README. */
import type { Context } from 'hono';
import { badgeKinds, modelOfBadge, type SignedBadge, signBadge, validBadgeToSign } from '../api/badges.ts';
import { HttpProblem } from '../api/problem.ts';
import { adminForm, sentForm } from '../auth/acting.ts';
import { readableBy } from '../auth/roles.ts';
import { replaceBadgeKey } from '../store/badge-key.ts';
import type { Database } from '../store/database.ts';
import type { Model } from '../store/read-model.ts';
import { ChoiceField, Csrf, TextField } from './form.tsx';
import { documentOf, Layout } from './layout.tsx';
import { day } from './words.ts';

type Fields = Readonly<Record<string, string>>;

interface BadgePageProps {
  readonly model: Pick<Model, 'id' | 'name'>;
  /** The visitor is logged in. */
  readonly maySign: boolean;
  readonly fields: Fields;
  readonly errors: Fields;
  /** Null: nothing is signed yet. */
  readonly signed: SignedBadge | null;
}

const kindWords = { score: 'the ML Test Score', structure: 'the structure', gate: 'the gate' } as const;

function SignForm({ model, fields, errors }: BadgePageProps) {
  return (
    <form method="post" action={`/models/${model.id}/badge`} novalidate>
      <Csrf />
      <fieldset>
        <legend>Sign an address</legend>
        <ChoiceField
          name="show"
          label="It says"
          value={fields.show}
          error={errors.show}
          options={badgeKinds.map((kind) => [kind, kindWords[kind]])}
        />
        <TextField name="days" label="For days" value={fields.days} error={errors.days} isNumber />
      </fieldset>
      <div class="buttons">
        <button type="submit">Sign</button>
      </div>
    </form>
  );
}

function BadgePage(props: BadgePageProps) {
  const { model, maySign, signed, errors } = props;
  return (
    <Layout title={`${Object.keys(errors).length > 0 ? 'Error: ' : ''}Badge of ${model.name} · Control Tower`} current="fleet">
      <header>
        <p class="path">
          <a href="/">Fleet</a> / <a href={`/models/${model.id}`}>{model.name}</a>
        </p>
        <h1>Badge</h1>
        <p class="lead">
          {signed
            ? `Whoever has this address sees this badge, and nothing else of the model, until ${day(signed.expiresAt)}.`
            : 'Whoever may read the model sees this badge. With a signed address everybody who has it does, until it ends.'}{' '}
          Who signed one stands in the audit; an admin ends all of them at once.
        </p>
      </header>
      <section class="panel record-form" aria-label="The badge">
        <p>
          <img src={signed?.path ?? `/badge/${model.id}.svg`} alt={`Badge of ${model.name}`} height="20" />
        </p>
        {signed && <pre class="wrapped">{signed.markdown}</pre>}
        {maySign ? (
          <SignForm {...props} />
        ) : (
          <p class="small quiet">
            An address is signed by people who are logged in, or with <code>POST /v1/models/{model.id}/badge</code> and a token
            that may read the model.
          </p>
        )}
      </section>
    </Layout>
  );
}

const show = (c: Context, props: BadgePageProps, status: 200 | 422 = 200) =>
  c.html(documentOf(<BadgePage {...props} />), status, { 'cache-control': 'no-store' });

const fresh: Fields = { show: 'score', days: '365' };

export const badgePageRoute =
  (db: Database) =>
  async (c: Context): Promise<Response> => {
    const model = await modelOfBadge(c, db, c.get('scope'));
    return show(c, { model, maySign: c.get('person') !== null, fields: fresh, errors: {}, signed: null });
  };

function readFields({ show: kind, days = '' }: Fields) {
  try {
    return { asked: validBadgeToSign({ show: kind, days: days.trim() === '' ? null : Number(days) }), errors: {} };
  } catch (error) {
    if (!(error instanceof HttpProblem)) throw error;
    const found = (error.errors ?? []).map((one) => ['pointer' in one ? one.pointer.slice(1) : 'days', one.detail] as const);
    return { asked: null, errors: Object.fromEntries(found) };
  }
}

export const sendBadge =
  (db: Database) =>
  async (c: Context): Promise<Response> => {
    const { actor, fields } = await sentForm(c);
    const model = await modelOfBadge(c, db, readableBy(c.get('person')?.grants ?? []));
    const { asked, errors } = readFields(fields);
    if (!asked) return show(c, { model, maySign: true, fields, errors, signed: null }, 422);
    const signed = await signBadge(db, { ...asked, model, actor, origin: c.get('origin') });
    return show(c, { model, maySign: true, fields, errors, signed });
  };

/** The form of an admin that ends every signed address. */
export const sendBadgesRevoked =
  (db: Database) =>
  async (c: Context): Promise<Response> => {
    const { actor } = await adminForm(c);
    await replaceBadgeKey(db, actor);
    return c.redirect('/tokens', 303);
  };
