/** GET /waivers: what models may fail for a time, why, who answers for it, and until when. */
import type { Context } from 'hono';
import { plural } from '../../reports/words.ts';
import { pageOfWaivers, readWaiversQuery } from '../api/waivers.ts';
import type { Database } from '../store/database.ts';
import { countWaivers, soonDays, type WaiverRow, type WaiverState, waiverStates } from '../store/waivers.ts';
import { addressOf } from './address.ts';
import { Facets } from './facets.tsx';
import { Layout, show } from './layout.tsx';
import { NextPage } from './pager.tsx';
import { count, day } from './words.ts';

const tones = { valid: 'is-skipped', expiring: 'is-warn', expired: 'is-fail' } as const;

function Waivers({ waivers }: { readonly waivers: readonly WaiverRow[] }) {
  return (
    <section class="panel scroll" tabindex={0} aria-label="Waivers">
      <table class="numbers alerts flow">
        <thead>
          <tr>
            {['Until', 'Model', 'May fail', 'Why', 'Who answers'].map((head) => (
              <th scope="col">{head}</th>
            ))}
          </tr>
        </thead>
        <tbody>
          {waivers.map((waiver) => (
            <tr>
              <td>
                {waiver.ends ? <time datetime={waiver.ends}>{waiver.ends}</time> : waiver.expires}{' '}
                <span class={`badge ${tones[waiver.state]}`}>{waiver.state}</span>
                <small>known since {day(waiver.since)}</small>
              </td>
              <th scope="row">
                <a href={`/models/${waiver.modelId}`}>{waiver.model}</a>
                <small>
                  {waiver.project}, {waiver.tier}
                </small>
              </th>
              <td>
                <code>{waiver.check}</code>
                {waiver.path && <small>{waiver.path}</small>}
              </td>
              <td class="done">{waiver.reason}</td>
              <td>{waiver.owner}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

interface WaiversPageProps {
  readonly waivers: readonly WaiverRow[];
  readonly counts: Readonly<Record<WaiverState, number>>;
  /** Only these are shown. */
  readonly state: WaiverState | undefined;
  /** Address of the next page. */
  readonly next: string | null;
}

const ending = (n: number): string =>
  n === 0 ? '' : `, of which ${count(n)} ${n === 1 ? 'ends' : 'end'} within ${soonDays} days`;

function WaiversPage({ waivers, counts, state, next }: WaiversPageProps) {
  const { valid, expiring, expired } = counts;
  const facets = waiverStates
    .map((name) => {
      const isChosen = name === state;
      return { text: name, n: counts[name], isChosen, href: addressOf('/waivers', { state: isChosen ? undefined : name }) };
    })
    .filter(({ n }) => n > 0);
  return (
    <Layout title="Waivers · Control Tower" current="waivers">
      <header>
        <h1>Waivers</h1>
        <p class="lead">
          {valid + expiring + expired === 0
            ? 'No report names a waiver.'
            : `${plural(valid + expiring, 'waiver')} in force${ending(expiring)}${expired > 0 ? `; ${count(expired)} expired and without effect` : ''}.`}{' '}
          They stand in the <code>flightcheck.yml</code> of each model and change there, by merge request.
        </p>
        <Facets title="State" facets={facets} />
      </header>
      {waivers.length > 0 && <Waivers waivers={waivers} />}
      <NextPage href={next} words="Those that end later" />
    </Layout>
  );
}

export const waiversRoute =
  (db: Database) =>
  async (c: Context): Promise<Response> => {
    const query = readWaiversQuery(c.req.url);
    const [{ shown, next }, counts] = await Promise.all([pageOfWaivers(c, db, query), countWaivers(db, c.get('scope'))]);
    const { state } = query;
    const nextHref = next && addressOf('/waivers', { state, cursor: next });
    return show(c, <WaiversPage waivers={shown} counts={counts} state={state} next={nextHref} />);
  };
