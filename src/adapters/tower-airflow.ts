/** Runs of Airflow DAGs that Control Tower starts, one for an alert. */
import { FlightcheckError } from '../kernel/failure.ts';
import { ActionFault, type AirflowActions } from '../kernel/tower-actions.ts';
import { type AirflowAccess, type Answer, airflowMajor, requester } from './airflow/requests.ts';

const usualSeconds = 15;

const problemIn = ({ body }: Answer): string | null =>
  typeof body === 'object' && body !== null && 'detail' in body && typeof body.detail === 'string'
    ? body.detail.slice(0, 200)
    : null;

/** Why it was not done, without the hints for a repo's manifest; nothing of a secret stands in these messages. */
function faultOf(name: string, error: unknown): ActionFault {
  if (error instanceof ActionFault) return error;
  if (!(error instanceof FlightcheckError)) throw error;
  return error.code === 'AIRFLOW_REFUSED'
    ? new ActionFault(`Airflow ${name} refuses its account in --actions`, false, error.message)
    : new ActionFault(`Airflow ${name} gave no usable answer`, false, error.message);
}

export interface NamedAirflow extends Omit<AirflowAccess, 'major'> {
  /** In the operator's list. */
  readonly name: string;
  /** Null asks the server which it is. */
  readonly major: 2 | 3 | null;
}

export function airflowActions({ name, ...access }: NamedAirflow): AirflowActions {
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
    if (answer.status === 404) throw new ActionFault(`Airflow ${name} has no DAG ${dag}, or does not show it to this account`);
    // A run with this id is what was asked for; another that is in its way (Airflow 2: of the same moment) is not.
    if (answer.status === 409 && (await ask(`${runs}/${encodeURIComponent(run)}`)).status === 404)
      throw new ActionFault(`Airflow ${name} has another run in the way`, false, problemIn(answer));
    return is3
      ? `${url}/dags/${encodeURIComponent(dag)}/runs/${encodeURIComponent(run)}`
      : `${url}/dags/${encodeURIComponent(dag)}/grid?dag_run_id=${encodeURIComponent(run)}`;
  };
  return { startRun: (dag, run, conf) => start(dag, run, conf).catch((error) => Promise.reject(faultOf(name, error))) };
}
