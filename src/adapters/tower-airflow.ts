/** Runs of Airflow DAGs that Control Tower starts, one for an alert. */
import { FlightcheckError } from '../kernel/failure.ts';
import { ActionFault, type AirflowActions } from '../kernel/tower-actions.ts';
import { type AirflowAccess, type Answer, airflowMajor, requester } from './airflow/requests.ts';

const usualSeconds = 15;

const problemIn = ({ body }: Answer): string =>
  typeof body === 'object' && body !== null && 'detail' in body && typeof body.detail === 'string'
    ? `: ${body.detail.slice(0, 200)}`
    : '';

/** Why it was not done, without the hints for a repo's manifest; nothing of a secret stands in these messages. */
function faultOf(error: unknown): ActionFault {
  if (error instanceof ActionFault) return error;
  if (error instanceof FlightcheckError)
    return new ActionFault(error.code === 'AIRFLOW_REFUSED' ? `${error.message}; check its account in --actions` : error.message);
  throw error;
}

/** `major`: null asks the server which it is. */
export function airflowActions(access: Omit<AirflowAccess, 'major'> & { readonly major: 2 | 3 | null }): AirflowActions {
  const url = access.url.replace(/\/+$/, '');
  const { timeoutSeconds = usualSeconds } = access;
  let known = access.major;
  const start = async (dag: string, run: string, conf: Readonly<Record<string, unknown>>): Promise<string> => {
    known ??= await airflowMajor({ ...access, timeoutSeconds });
    const is3 = known === 3;
    // Its token ends after a day: each run asks for one.
    const ask = requester({ ...access, major: known, timeoutSeconds });
    const runs = `/dags/${encodeURIComponent(dag)}/dagRuns`;
    const answer = await ask(runs, { method: 'POST', body: { dag_run_id: run, conf, ...(is3 && { logical_date: null }) } });
    if (answer.status === 404) throw new ActionFault(`Airflow at ${url} has no DAG ${dag}, or does not show it to this account`);
    // A run with this id is what was asked for; another that is in its way (Airflow 2: of the same moment) is not.
    if (answer.status === 409 && (await ask(`${runs}/${encodeURIComponent(run)}`)).status === 404)
      throw new ActionFault(`Airflow at ${url} has another run in the way${problemIn(answer)}`);
    return is3
      ? `${url}/dags/${encodeURIComponent(dag)}/runs/${encodeURIComponent(run)}`
      : `${url}/dags/${encodeURIComponent(dag)}/grid?dag_run_id=${encodeURIComponent(run)}`;
  };
  return { startRun: (dag, run, conf) => start(dag, run, conf).catch((error) => Promise.reject(faultOf(error))) };
}
