/** Tells Control Tower: this run's report, then what earlier runs could not deliver. */
import { type Delivery, postReport, type TowerOptions } from '../adapters/tower.ts';
import { dropUnsent, keepUnsent, listUnsent, setAside } from '../adapters/unsent.ts';
import { FlightcheckError } from '../kernel/failure.ts';
import type { Report } from '../kernel/report.ts';
import type { Context, Invocation } from './command.ts';
import type { Posted } from './finish.ts';
import { manifestOverrides } from './options.ts';
import type { Repo } from './repo.ts';

export const tokenVariable = 'FLIGHTCHECK_TOWER_TOKEN';

/**
 * The address of Control Tower; empty without one. In a pipeline the manifest belongs to whoever opened the merge request: a
 * token is only ever sent to an address that the include or a variable names, and the manifest's address alone is told about.
 */
export function towerUrlOf(context: Context, invocation: Invocation, repo: Pick<Repo, 'manifest'>): string {
  const given = manifestOverrides(invocation).find(({ key }) => key === 'tower.url')?.value;
  const url = String(given ?? repo.manifest.value?.tower.url ?? '');
  if (url === '' || given !== undefined || context.env.CI === undefined) return url;
  context.log.warn(
    'tower.url of flightcheck.yml is not used in a pipeline, since a merge request can change it: set the input tower-url of the include',
  );
  return '';
}

export interface PostOptions {
  readonly root: string;
  /** The folder of the reports. */
  readonly folder: string;
  readonly tower: Omit<TowerOptions, 'token'> & { readonly token: string | undefined };
}

const noToken = `Control Tower was not told: the variable ${tokenVariable} is empty (id_tokens of the job, or a token of Control Tower)`;

/** Delivers what waits. A payload keeps its own job; Control Tower stores each once, however often it comes. */
export async function resendUnsent({ root, folder, tower }: PostOptions): Promise<{ notices: readonly string[]; left: number }> {
  const { waiting, problems } = await listUnsent(root, folder);
  const notices = [...problems];
  if (waiting.length === 0) return { notices, left: problems.length };
  const { token } = tower;
  if (!token) return { notices: [...notices, noToken], left: waiting.length + problems.length };
  const end = Date.now() + tower.timeoutSeconds * 1000;
  let [sent, left] = [0, problems.length];
  for (const [index, payload] of waiting.entries()) {
    const delivery = await postReport(payload.body, { ...tower, token, timeoutSeconds: (end - Date.now()) / 1000 });
    if (delivery.state === 'delivered') {
      await dropUnsent(root, payload);
      sent += 1;
    } else if (delivery.state === 'refused' && delivery.isFinal) {
      await setAside(root, payload);
      notices.push(`Control Tower refuses ${payload.path} for ever: ${delivery.reason}. It was set aside.`);
    } else {
      left += waiting.length - index;
      notices.push(`${waiting.length - index} kept reports could not be delivered to Control Tower: ${delivery.reason}`);
      break;
    }
  }
  if (sent > 0) notices.push(`Control Tower took ${sent} kept ${sent === 1 ? 'report' : 'reports'}`);
  return { notices, left };
}

async function keep(
  root: string,
  folder: string,
  body: string,
  delivery: Exclude<Delivery, { state: 'delivered' }>,
): Promise<string> {
  const what = delivery.state === 'refused' ? 'Control Tower refused the report' : 'Control Tower did not take the report';
  try {
    const path = await keepUnsent(root, folder, body);
    if (delivery.state === 'refused' && delivery.isFinal)
      return `${what}: ${delivery.reason}. It is kept as ${path}; sent again as it is, it would be refused again.`;
    return `${what}: ${delivery.reason}. It is kept as ${path}; flightcheck report --resend delivers it.`;
  } catch (error) {
    if (!(error instanceof FlightcheckError)) throw error;
    return `${what}: ${delivery.reason}. It could not be kept either: ${error.message}.`;
  }
}

/** Posts the report. Whatever happens comes back as notices; the gate alone decides about the pipeline. */
export async function post(report: Report, options: PostOptions): Promise<Posted> {
  const { root, folder, tower } = options;
  const { token } = tower;
  if (!token) return { notices: [noToken] };
  const body = JSON.stringify(report);
  const start = Date.now();
  const delivery = await postReport(body, { ...tower, token });
  if (delivery.state !== 'delivered') return { notices: [await keep(root, folder, body, delivery)] };
  const timeoutSeconds = tower.timeoutSeconds - (Date.now() - start) / 1000;
  const { notices } = await resendUnsent({ ...options, tower: { ...tower, timeoutSeconds } });
  const noNote = delivery.noNote ? [`Control Tower wrote no note on the merge request: ${delivery.noNote}`] : [];
  const noRules = (delivery.refusedRules ?? []).map((one) => `Control Tower does not keep the rule ${one}`);
  const unable = (delivery.warnedRules ?? []).map((one) => `Control Tower keeps the rule ${one}`);
  return { notices: [...noNote, ...noRules, ...unable, ...notices], ...(delivery.pageUrl && { towerUrl: delivery.pageUrl }) };
}
