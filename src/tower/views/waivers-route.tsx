/** GET /waivers: what models may fail for a time, why, who answers for it, and until when. */
import type { Context } from 'hono';
import { plural } from '../../reports/words.ts';
import type { Database } from '../store/database.ts';
import { listWaivers, soonDays, type WaiverRow } from '../store/waivers.ts';
import { Layout, show } from './layout.tsx';
import { day } from './words.ts';

const tones = { valid: 'is-skipped', expiring: 'is-warn', expired: 'is-fail' } as const;
const waiversShown = 500;

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

function WaiversPage({ waivers }: { readonly waivers: readonly WaiverRow[] }) {
  const of = (state: WaiverRow['state']) => waivers.filter((waiver) => waiver.state === state).length;
  return (
    <Layout title="Waivers · Control Tower" current="waivers">
      <header>
        <h1>Waivers</h1>
        <p class="lead">
          {waivers.length === 0
            ? 'No report names a waiver.'
            : `${plural(of('valid') + of('expiring'), 'waiver')}${waivers.length === waiversShown ? ' or more' : ''} in force, of which ${of('expiring')} ${of('expiring') === 1 ? 'ends' : 'end'} within ${soonDays} days; ${of('expired')} expired and without effect.`}{' '}
          They stand in the <code>flightcheck.yml</code> of each model and change there, by merge request.
        </p>
      </header>
      {waivers.length > 0 && <Waivers waivers={waivers} />}
    </Layout>
  );
}

export const waiversRoute =
  (db: Database) =>
  async (c: Context): Promise<Response> => {
    const waivers = await listWaivers(db, { scope: c.get('scope'), limit: waiversShown });
    return show(c, <WaiversPage waivers={waivers} />);
  };
