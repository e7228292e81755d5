/** What Control Tower may do elsewhere when an alert opens or closes. The command line hands it these ports. */

/** The variable in which what an alert started finds the alert's id: pipelines, and tasks of DAGs that we render. */
export const alertVariable = 'FLIGHTCHECK_ALERT_ID';
/** The same in the `conf` of an Airflow run. */
export const alertConf = 'flightcheck_alert';

/** `project`: GitLab's number, or a path. Every call may throw ActionFault. */
export interface GitLabActions {
  /** Address of the instance, as id_tokens name their issuer. */
  readonly issuer: string;
  /** Address of the pipeline that carries this alert among its variables, when one was started since then. */
  findPipeline(project: string, alert: string, since: Date): Promise<string | null>;
  startPipeline(project: string, ref: string, variables: Readonly<Record<string, string>>): Promise<string>;
  findIssue(project: string, title: string): Promise<{ readonly iid: number; readonly url: string } | null>;
  openIssue(project: string, issue: { readonly title: string; readonly description: string }): Promise<string>;
  closeIssue(project: string, iid: number): Promise<void>;
  /** `refs/merge-requests/12/head` for a pipeline of a merge request; null when there is no such pipeline. */
  pipelineRef(project: string, pipeline: string): Promise<string | null>;
  mergeRequest(
    project: string,
    iid: number,
  ): Promise<{ readonly isOpen: boolean; readonly sourceProject: string; readonly targetProject: string } | null>;
  /** The note of our own that begins with this marker. */
  findNote(project: string, mergeRequest: number, marker: string): Promise<number | null>;
  /** @returns null when the note is gone. */
  updateNote(project: string, mergeRequest: number, note: number, body: string): Promise<number | null>;
  createNote(project: string, mergeRequest: number, body: string): Promise<number>;
}

/** A destination of the operator's list, by its name. */
export interface WebhookTarget {
  readonly url: string;
  /** Bytes that the signature is made with. */
  readonly secret: Uint8Array;
  /** Addresses of this machine and its network are refused unless the operator allows them. */
  readonly mayBePrivate: boolean;
}

/** An Airflow of the operator's list. */
export interface AirflowActions {
  /**
   * Starts a run of the DAG, or finds the one that has this id: one run, however often it is asked for.
   * @returns its address. @throws ActionFault
   */
  startRun(dag: string, run: string, conf: Readonly<Record<string, unknown>>): Promise<string>;
}

/** What rules that stand in repositories may do. */
export interface RepositoryLeave {
  /** Projects of this path and below; all when empty. */
  readonly namespace: string;
  /** `pipeline`, `issue`, `webhook:NAME`, `airflow:NAME` or `airflow:NAME:DAG`; `pipelinesPerDay:N` and `retrainsInARow:N` bound them. */
  readonly actions: readonly string[];
}

export interface TowerActions {
  /** Without leave a rule of a repository only raises alerts. */
  readonly repositories?: readonly RepositoryLeave[];
  readonly gitlab: GitLabActions | null;
  readonly airflows: ReadonlyMap<string, AirflowActions>;
  readonly webhooks: ReadonlyMap<string, WebhookTarget>;
  /** Resolves when the other side has answered with 2xx. */
  send(target: WebhookTarget, headers: Readonly<Record<string, string>>, body: string): Promise<void>;
}

/** What a server can do and lets others do, as its operator configured it. */
export type ActionTargets = Omit<TowerActions, 'send'>;
export const noTargets: ActionTargets = { gitlab: null, airflows: new Map(), webhooks: new Map() };

/**
 * Why something could not be done. `isFinal`: trying again would not help. Its message holds no secret, and no address of the
 * operator's: whoever reads the alert reads it. `detail` is for those who read everything.
 */
export class ActionFault extends Error {
  readonly isFinal: boolean;
  readonly detail: string | null;
  constructor(message: string, isFinal = false, detail: string | null = null) {
    super(message);
    this.name = 'ActionFault';
    this.isFinal = isFinal;
    this.detail = detail;
  }
}
