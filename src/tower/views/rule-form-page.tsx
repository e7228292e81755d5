/** GET and POST /rules/new and /rules/{id}/edit: a rule is kept once what it would have raised was shown. */
import type { Context } from 'hono';
import { ruleFor } from '../api/confined.ts';
import { HttpProblem } from '../api/problem.ts';
import { idOf } from '../api/query.ts';
import { fieldsOf, freshFields, type RuleForm, readRuleForm, refusedFields } from '../api/rule-form.ts';
import { ownRuleOf, type WithActions } from '../api/rules.ts';
import { isSomeAdmin, someAdminForm } from '../auth/acting.ts';
import { administered, mayAdminister, readableBy } from '../auth/roles.ts';
import type { Database } from '../store/database.ts';
import { afterRetired, createRule, RuleNameTaken, type RuleRow, replaceRule } from '../store/rules.ts';
import type { Grant } from '../store/scope.ts';
import { metricNames } from '../store/slice/metrics.ts';
import { type Backtest, backtest } from '../triggers/backtest.ts';
import { type Warning, warningsOf } from '../triggers/leave.ts';
import { ChoiceField, Csrf, LinesField, TextField, TickField } from './form.tsx';
import { documentOf, Layout } from './layout.tsx';
import { daysTried, PastAlerts, RuleTags, Warnings, Watched } from './rules-pages.tsx';
import { sayUnit } from './units.ts';
import { minute } from './words.ts';

interface RuleFormProps {
  readonly form: Pick<RuleForm, 'fields' | 'errors' | 'digest'>;
  readonly metrics: readonly string[];
  /** The rule that is changed; null: a new one. */
  readonly old: RuleRow | null;
  /** Null: not tried yet. */
  readonly past: Backtest | null;
  /** What cannot be done of what was tried. */
  readonly warnings?: readonly Warning[];
  /** What somebody else has done to the rule since the form was opened. */
  readonly meanwhile?: string;
}

/** All else of a rule stays as it is until another comes in its place. */
const stateOf = ({ isEnabled }: Pick<RuleRow, 'isEnabled'>): string => (isEnabled ? 'on' : 'off');

const severities = ['info', 'warning', 'critical'].map((name) => [name, name] as const);
const kinds = [
  ['value', 'its value is'],
  ['change', 'its change against the 14 values before is'],
  ['absence', 'nothing comes for some hours'],
] as const;
const sides = [
  ['above', 'above the limit'],
  ['below', 'below the limit'],
] as const;

function What({ fields, errors, metrics }: Pick<RuleForm, 'fields' | 'errors'> & Pick<RuleFormProps, 'metrics'>) {
  const of = (name: string) => ({ name, value: fields[name], error: errors[name] });
  return (
    <fieldset>
      <legend>What it watches</legend>
      <TextField {...of('name')} label="Name" isNeeded />
      <TextField {...of('metric')} label="Metric" list="metrics" isNeeded />
      <datalist id="metrics">
        {metrics.map((name) => (
          <option value={name} />
        ))}
      </datalist>
      <TextField
        {...of('namespace')}
        label="For the projects of"
        hint="A namespace, with all below it; empty: all projects. What its rules may do is said by the operator."
      />
      <LinesField
        {...of('where')}
        label="Only where"
        hint="One name:value on a line, such as tier:critical. Of one name any value holds, all names must hold."
      />
      <ChoiceField {...of('severity')} label="Severity" options={severities} />
    </fieldset>
  );
}

function When({ fields, errors, unit }: Pick<RuleForm, 'fields' | 'errors'> & { readonly unit: string }) {
  const of = (name: string) => ({ name, value: fields[name], error: errors[name] });
  return (
    <fieldset>
      <legend>When it raises an alert</legend>
      <ChoiceField {...of('of')} label="When" options={kinds} />
      <ChoiceField {...of('is')} label="Side" options={sides} />
      <TextField {...of('limit')} label="Limit" hint={`${unit && `In ${unit}. `}Of a change: 0.2 is 20 %.`} isNumber />
      <TextField {...of('closesAt')} label="Closes at" hint="Empty: at the limit." isNumber />
      <TextField {...of('times')} label="Values in a row" hint="Empty: one." isNumber />
      <TextField {...of('absentHours')} label="Hours without a value" hint="Where nothing comes." isNumber />
      <TextField {...of('cooldownHours')} label="Quiet for" hint="Hours after an alert without another." isNumber />
    </fieldset>
  );
}

function Then({ fields, errors }: Pick<RuleForm, 'fields' | 'errors'>) {
  const of = (name: string) => ({ name, value: fields[name], error: errors[name] });
  return (
    <fieldset>
      <legend>What is done then</legend>
      <TextField {...of('ref')} label="Start a pipeline of" hint="Branch or tag of the model's project; empty: no pipeline." />
      <LinesField {...of('variables')} label="Its variables" hint="One NAME=value on a line." />
      <TextField
        {...of('pipelinesPerDay')}
        label="Pipelines and runs in 24 hours"
        hint="Of one model, by all rules together."
        isNumber
      />
      <TextField
        {...of('retrainsInARow')}
        label="Retrainings in a row"
        hint="Each because the version that the one before made raised the alert again. Then a person has to look."
        isNumber
      />
      <LinesField
        {...of('airflow')}
        label="Start runs of Airflow DAGs"
        hint="A name of the server's list and the id of the DAG, with a space between, one on a line."
      />
      <LinesField {...of('webhooks')} label="Send to webhooks" hint="Names of the server's list, one on a line." />
      <TickField {...of('issue')} label="Open an issue in the model's project, closed with the alert" />
      <TickField {...of('enabled')} label="Switched on" />
    </fieldset>
  );
}

/** Somebody else was faster: what is there now, beside a form that holds what was typed. */
function Meanwhile({ now }: { readonly now: RuleRow }) {
  return (
    <section class="panel elsewhere" aria-label="What is there now">
      <h2>What is there now</h2>
      <p>
        <a href={`/rules/${now.id}`}>{now.name}</a>, {now.isEnabled ? 'on' : 'off'}: <Watched rule={now} />
      </p>
      <RuleTags rule={now} />
    </section>
  );
}

function RuleFormPage({ form, metrics, old, past, warnings = [], meanwhile }: RuleFormProps) {
  const { fields, errors, digest } = form;
  const wrong = Object.keys(errors).length;
  const unit = past ? past.unit : old?.definition.metric === fields.metric?.trim() ? old?.unit : null;
  const title = old ? `Change ${old.name}` : 'Make a rule';
  return (
    <Layout title={`${wrong > 0 || meanwhile ? 'Error: ' : ''}${title} · Control Tower`} current="alerts">
      <header>
        <p class="path">
          <a href="/alerts">Alerts</a> / <a href="/rules">Rules</a>
        </p>
        <h1>{title}</h1>
        <p class="lead">
          Try it first: what it would have raised in the last {daysTried} days is shown, then it can be kept.
          {old && ' What is kept is a new rule: the alerts of the old one are closed and stay on record with it.'}
        </p>
      </header>
      {wrong > 0 && (
        <p class="panel notice is-fail" role="alert">
          {errors.form ? `The rule ${errors.form}.` : 'The rule was not kept: what is wrong stands with the fields.'}
        </p>
      )}
      {meanwhile && (
        <p class="panel notice is-fail" role="alert">
          {meanwhile}, after you had opened it. Nothing of yours was kept yet, it stands in the form: kept,{' '}
          {old ? 'it takes the place of what is there now' : 'it is a new rule'}.
        </p>
      )}
      {old && meanwhile && <Meanwhile now={old} />}
      <form class="panel record-form" method="post" action={old ? `/rules/${old.id}/edit` : '/rules/new'} novalidate>
        <Csrf />
        {old && <input type="hidden" name="state" value={stateOf(old)} />}
        <What fields={fields} errors={errors} metrics={metrics} />
        <When fields={fields} errors={errors} unit={sayUnit(unit ?? '')} />
        <Then fields={fields} errors={errors} />
        {past && <input type="hidden" name="tried" value={digest} />}
        <div class="buttons">
          <button type="submit" name="act" value="try">
            {past ? 'Try again' : 'Try it'}
          </button>
          {past && (
            <button type="submit" name="act" value="keep">
              Keep this rule
            </button>
          )}
          <a href={old ? `/rules/${old.id}` : '/rules'}>Cancel</a>
        </div>
      </form>
      <Warnings warnings={warnings} />
      {past && <PastAlerts past={past} />}
    </Layout>
  );
}

const mostMetrics = 500;

interface Shown extends Omit<RuleFormProps, 'metrics'> {
  readonly grants: readonly Grant[];
}

async function show(c: Context, db: Database, { grants, ...props }: Shown, status: 200 | 409 | 422 = 200) {
  const metrics = (await metricNames(db, readableBy(grants))).toSorted().slice(0, mostMetrics);
  return c.html(documentOf(<RuleFormPage {...props} metrics={metrics} />), status, { 'cache-control': 'no-store' });
}

function needAdmin(c: Context): readonly Grant[] {
  if (!isSomeAdmin(c))
    throw new HttpProblem(
      'forbidden',
      'Rules are made by people who log in with the role admin for a namespace or for all projects.',
    );
  return c.get('person')?.grants ?? [];
}

/** The rule of the address; null where there is none in it. */
async function ruleIn(c: Context, db: Database, grants: readonly Grant[]): Promise<RuleRow | null> {
  return c.req.param('id') === undefined ? null : ownRuleOf(c, db, { grants });
}

export const ruleFormRoute =
  (db: Database) =>
  async (c: Context): Promise<Response> => {
    const grants = needAdmin(c);
    const old = await ruleIn(c, db, grants);
    const namespace = administered(grants).toSorted()[0] ?? '';
    const fields = old ? fieldsOf(old) : { ...freshFields, namespace, metric: c.req.query('metric') ?? '' };
    if (!fields) throw new HttpProblem('not-found', 'This rule says more than the form can show; the API changes it.');
    return show(c, db, { form: { fields, errors: {}, digest: '' }, old, past: null, grants });
  };

interface Changing {
  /** The rule that is there now; null: a new one is made. */
  readonly old: RuleRow | null;
  /** As of the page. */
  readonly meanwhile?: string;
}

/** Null where there is none that this admin may change. @throws whatever else went wrong */
async function ownRule(c: Context, db: Database, grants: readonly Grant[], id: string): Promise<RuleRow | null> {
  return ownRuleOf(c, db, { grants }, id).catch((error: unknown) => {
    if (error instanceof HttpProblem && error.kind === 'not-found') return null;
    throw error;
  });
}

async function changingIn(c: Context, db: Database, grants: readonly Grant[], state: string | undefined): Promise<Changing> {
  const id = c.req.param('id');
  if (id === undefined) return { old: null };
  const same = await ownRule(c, db, grants, id);
  if (same)
    return {
      old: same,
      ...((state ?? stateOf(same)) !== stateOf(same) && { meanwhile: `This rule was switched ${stateOf(same)}` }),
    };
  const after = await afterRetired(db, idOf(id, 'rule'));
  if (!after || !mayAdminister(grants, after.namespace)) throw new HttpProblem('not-found', 'There is no such rule.');
  const old = await ownRule(c, db, grants, String(after.last));
  return {
    old,
    meanwhile: old ? `${old.createdBy} changed this rule at ${minute(old.createdAt)} UTC` : 'This rule was taken away',
  };
}

/** Tries a rule, or keeps the one that was tried. */
export const sendRuleForm =
  ({ db, actions }: WithActions) =>
  async (c: Context): Promise<Response> => {
    const { actor, grants, fields } = await someAdminForm(c);
    const { old, meanwhile } = await changingIn(c, db, grants, fields.state);
    const form = readRuleForm(fields);
    const late = (now: Changing) => show(c, db, { form: { ...form, errors: {} }, ...now, past: null, grants }, 409);
    if (meanwhile) return late({ old, meanwhile });
    const wrong = (errors: RuleForm['errors']) => show(c, db, { form: { ...form, errors }, old, past: null, grants }, 422);
    if (!form.rule) return wrong(form.errors);
    const isSame = old !== null && form.rule.namespace === old.namespace;
    const { definition: given } = form.rule;
    const kept = await ruleFor(db, form.rule, { grants, leaves: actions.repositories, isChange: isSame }).then(
      (rule) => ({ rule, errors: {} }),
      (error: unknown) => ({ rule: null, errors: refusedFields(error, given.actions) }),
    );
    const { rule } = kept;
    if (!rule) return wrong(kept.errors);
    if (fields.act !== 'keep' || fields.tried !== form.digest) {
      const { definition, namespace } = rule;
      const past = await backtest(db, definition, { scope: readableBy(grants), days: daysTried, now: Date.now(), namespace });
      return show(c, db, { form, old, past, warnings: warningsOf(definition, actions), grants });
    }
    try {
      const made = { ...rule, createdBy: actor };
      const id = old ? await replaceRule(db, made, old) : await createRule(db, made);
      return id === null ? late(await changingIn(c, db, grants, fields.state)) : c.redirect(`/rules/${id}`, 303);
    } catch (error) {
      if (!(error instanceof RuleNameTaken)) throw error;
      return wrong({ name: 'another rule has this name' });
    }
  };
