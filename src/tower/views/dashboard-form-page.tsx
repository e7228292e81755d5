/** GET and POST /dashboards/new and /dashboards/{id}/edit: dashboards without a script. */
import type { Context } from 'hono';
import { validDashboard } from '../api/dashboard-body.ts';
import { keepDashboard, ownDashboard } from '../api/dashboards.ts';
import { mostPanels } from '../api/document/dashboard-schemas.ts';
import { HttpProblem } from '../api/problem.ts';
import { idOf } from '../api/query.ts';
import { isAdmin, isSomeAdmin, mayChangeDashboard, someAdminForm } from '../auth/acting.ts';
import { administered } from '../auth/roles.ts';
import { type DashboardRow, listDashboards, type Panel } from '../store/dashboards.ts';
import type { Database } from '../store/database.ts';
import { Csrf, TextField, TickField } from './form.tsx';
import { documentOf, Layout } from './layout.tsx';
import { audienceOf, minute } from './words.ts';

type Fields = Readonly<Record<string, string>>;

interface FormState {
  readonly name: string;
  readonly namespace: string;
  readonly isShared: boolean;
  readonly panels: readonly Panel[];
  /** Rows without a question. */
  readonly blank: number;
  /** Of the dashboard, as it was when the form was opened; absent: of a new one. */
  readonly version?: string | undefined;
  /** By name of the field; under `form` what belongs to none. */
  readonly errors: Fields;
}

/** Somebody else was faster: what is there now. */
export function Meanwhile({ now }: { readonly now: DashboardRow }) {
  return (
    <section class="panel elsewhere" aria-label="What is there now">
      <h2>What is there now</h2>
      <p>
        <a href={`/dashboards/${now.id}`}>{now.name}</a>, for {audienceOf(now)}, with these questions:
      </p>
      <ol>
        {now.panels.map(({ title, question }) => (
          <li>
            {title}: <code class="wrapped">{question}</code>
          </li>
        ))}
      </ol>
    </section>
  );
}

interface FormProps {
  readonly form: FormState;
  /** The dashboard that is changed; null: a new one. */
  readonly old: DashboardRow | null;
  /** Others that the question may be put on. */
  readonly others: readonly DashboardRow[];
  /** For every reader: only admins of everything choose it. */
  readonly mayShare: boolean;
  /** It was saved after the form was opened. */
  readonly isChanged: boolean;
}

function Question({ row, panel, errors }: { readonly row: number; readonly panel: Panel; readonly errors: Fields }) {
  const of = (name: string, value: string) => ({ name: `${name}-${row}`, value, error: errors[`${name}-${row}`] });
  return (
    <fieldset class="question">
      <legend>Question {row}</legend>
      <TextField {...of('title', panel.title)} label="Title" />
      <TextField {...of('question', panel.question)} label="Address of the page Explore" />
    </fieldset>
  );
}

function Onto({ question, others }: { readonly question: string; readonly others: readonly DashboardRow[] }) {
  if (question === '' || others.length === 0) return null;
  return (
    <p>
      Or put it on one that there is:{' '}
      {others.map(({ id, name }, i) => (
        <>
          {i > 0 && ', '}
          <a href={`/dashboards/${id}/edit?question=${encodeURIComponent(question)}`}>{name}</a>
        </>
      ))}
    </p>
  );
}

function DashboardFormPage({ form, old, others, mayShare, isChanged }: FormProps) {
  const { errors, panels, blank } = form;
  const wrong = Object.keys(errors).length;
  const title = old ? `Change ${old.name}` : 'Make a dashboard';
  const of = (name: 'name' | 'namespace') => ({ name, value: form[name], error: errors[name] });
  const rows = [...panels, ...Array.from({ length: blank }, () => ({ title: '', question: '' }))].slice(0, mostPanels);
  return (
    <Layout title={`${wrong > 0 ? 'Error: ' : ''}${title} · Control Tower`} current="explore">
      <header>
        <p class="path">
          <a href="/explore">Explore</a> / <a href="/dashboards">Dashboards</a>
        </p>
        <h1>{title}</h1>
        <p class="lead">
          Each panel is a question that was asked on the page <a href="/explore">Explore</a>: its address is the question.
        </p>
        {!old && <Onto question={panels[0]?.question ?? ''} others={others} />}
      </header>
      {wrong > 0 && (
        <p class="panel notice is-fail" role="alert">
          {errors.form ?? 'The dashboard was not kept: what is wrong stands with the fields.'}
        </p>
      )}
      {old && isChanged && <Meanwhile now={old} />}
      <form class="panel record-form" method="post" action={old ? `/dashboards/${old.id}/edit` : '/dashboards/new'} novalidate>
        <Csrf />
        {form.version !== undefined && <input type="hidden" name="version" value={form.version} />}
        <fieldset>
          <legend>What it is</legend>
          <TextField {...of('name')} label="Name" isNeeded />
          <TextField
            {...of('namespace')}
            label="For readers of"
            hint="A namespace: whoever may read all of it sees the dashboard; empty: all projects."
          />
          {mayShare && (
            <TickField
              name="shared"
              label="For every reader, each with the numbers that they may see"
              value={form.isShared ? 'on' : ''}
            />
          )}
        </fieldset>
        <p class="small quiet">Questions stand on the page in this order; one that is emptied is taken away.</p>
        {rows.map((panel, i) => (
          <Question row={i + 1} panel={panel} errors={errors} />
        ))}
        <div class="buttons">
          <button type="submit" name="act" value="save">
            Save
          </button>
          {rows.length < mostPanels && (
            <button type="submit" name="act" value="more" class="plain">
              More questions
            </button>
          )}
          <a href={old ? `/dashboards/${old.id}` : '/dashboards'}>Cancel</a>
        </div>
      </form>
    </Layout>
  );
}

/** People copy the whole address. */
const questionOf = (text: string): string => text.trim().replace(/^((https?:\/\/[^\s/?#]+)?\/explore)?\?/i, '');

const isEmpty = ({ title, question }: Panel): boolean => title === '' && question === '';

function readForm(fields: Fields): Omit<FormState, 'blank' | 'errors'> {
  const panels = Array.from({ length: mostPanels }, (_, i) => ({
    title: (fields[`title-${i + 1}`] ?? '').trim(),
    question: questionOf(fields[`question-${i + 1}`] ?? ''),
  }));
  return {
    name: (fields.name ?? '').trim(),
    namespace: (fields.namespace ?? '').trim(),
    isShared: fields.shared === 'on',
    version: fields.version,
    panels: panels.filter((panel) => !isEmpty(panel)),
  };
}

/** The field that a pointer into the dashboard belongs to. */
function fieldOf(pointer: string): string {
  const [, first = '', second = '', third = ''] = pointer.split('/');
  if (first === 'panels') return second === '' ? 'question-1' : `${third || 'question'}-${Number(second) + 1}`;
  return first || 'form';
}

/** Why it is not kept, by field. @throws whatever else went wrong */
function errorsOf(error: unknown): Fields {
  if (!(error instanceof HttpProblem)) throw error;
  if (error.kind === 'forbidden') return { namespace: error.message };
  if (error.kind !== 'invalid-dashboard') throw error;
  const found = (error.errors ?? []).flatMap((one) => ('pointer' in one ? [[fieldOf(one.pointer), one.detail] as const] : []));
  return found.length > 0 ? Object.fromEntries(found.toReversed()) : { form: error.message };
}

/** What is empty is told as that, not as a text that is too short. */
function missing({ name, panels }: Pick<FormState, 'name' | 'panels'>): Fields {
  const needed = 'is needed';
  return {
    ...(name === '' && { name: needed }),
    ...(panels.length === 0 && { 'question-1': needed }),
    ...Object.fromEntries(
      panels.flatMap((panel, i) =>
        (['title', 'question'] as const).flatMap((part) => (panel[part] === '' ? [[`${part}-${i + 1}`, needed]] : [])),
      ),
    ),
  };
}

/** A form holds as much as a dashboard. */
const mostFormBytes = 512 * 1024;
const othersShown = 20;

export const idIn = (c: Context): number => idOf(c.req.param('id') ?? '', 'dashboard');

type Status = 200 | 404 | 409 | 422;

async function show(c: Context, db: Database, form: FormState, old: DashboardRow | null, status: Status = 200) {
  const all = old ? [] : await listDashboards(db, c.get('scope'));
  const others = all.filter((one) => mayChangeDashboard(c, one)).slice(0, othersShown);
  const page = <DashboardFormPage form={form} old={old} others={others} mayShare={isAdmin(c)} isChanged={status === 409} />;
  return c.html(documentOf(page), status, { 'cache-control': 'no-store' });
}

export const dashboardFormRoute =
  (db: Database) =>
  async (c: Context): Promise<Response> => {
    if (!isSomeAdmin(c))
      throw new HttpProblem(
        'forbidden',
        'Dashboards are made by people who log in with the role admin for a namespace or for all projects.',
      );
    const grants = c.get('person')?.grants ?? [];
    const old = c.req.param('id') === undefined ? null : await ownDashboard(db, { grants }, idIn(c));
    const question = questionOf(c.req.query('question') ?? '');
    const asked = question === '' ? [] : [{ title: '', question }];
    const fresh = { name: '', namespace: administered(grants).toSorted()[0] ?? '', isShared: false, panels: [] };
    const { name, namespace, isShared, panels } = old ?? fresh;
    const version = old?.version;
    return show(c, db, { name, namespace, isShared, version, panels: [...panels, ...asked], blank: 1, errors: {} }, old);
  };

const isGone =
  'This dashboard is not there any more, or no longer for you: it was deleted or changed after you had opened it. What you typed stands in the form: saved, it makes a new one.';

/** Null where there is none that this admin may see. */
export function unlessGone(error: unknown): null {
  if (error instanceof HttpProblem && error.kind === 'not-found') return null;
  throw error;
}

export const sayMeanwhile = ({ savedBy, savedAt }: DashboardRow): string =>
  `${savedBy} saved this dashboard at ${minute(savedAt)} UTC, after you had opened it.`;

/** Keeps it, or shows the form with more rows. */
export const sendDashboardForm =
  (db: Database) =>
  async (c: Context): Promise<Response> => {
    const { actor, grants, fields } = await someAdminForm(c, mostFormBytes);
    const form = readForm(fields);
    const gone = () => show(c, db, { ...form, version: undefined, blank: 1, errors: { form: isGone } }, null, 404);
    const id = c.req.param('id') === undefined ? null : idIn(c);
    const old = id === null ? null : await ownDashboard(db, { grants }, id).catch(unlessGone);
    if (id !== null && !old) return gone();
    if (fields.act === 'more') return show(c, db, { ...form, blank: 4, errors: {} }, old);
    const wrong = (errors: Fields) => show(c, db, { ...form, blank: 1, errors }, old, 422);
    const empty = missing(form);
    if (Object.keys(empty).length > 0) return wrong(empty);
    const { isShared: shared, version, ...given } = form;
    const read = old ? { id: old.id, versions: version === undefined ? undefined : [version] } : undefined;
    try {
      const { id } = await keepDashboard(db, { actor, grants }, validDashboard({ ...given, shared }), read);
      return c.redirect(`/dashboards/${id}`, 303);
    } catch (error) {
      if (!old || !(error instanceof HttpProblem) || !/^(changed|not-found)$/.test(error.kind)) return wrong(errorsOf(error));
      const now = await ownDashboard(db, { grants }, old.id).catch(unlessGone);
      if (!now) return gone();
      const errors = {
        form: `${sayMeanwhile(now)} Nothing of yours was kept yet, it stands in the form: saved again, it takes the place of what is there now.`,
      };
      return show(c, db, { ...form, version: now.version, blank: 1, errors }, now, 409);
    }
  };
