/**
 * The DAG as Airflow shall schedule it: defaults, environment and overrides resolved, durations in seconds, every task
 * complete. What is rendered, hashed, compared and verified is this and nothing else.
 */
import type { DeepReadonly, ResolvedManifest } from '../../kernel/manifest.ts';

export interface Amounts {
  readonly cpu?: string;
  readonly memory?: string;
  readonly gpu?: number;
}

export interface TaskSpec {
  readonly id: string;
  /** Program and arguments; empty: the image's entrypoint. */
  readonly command: readonly string[];
  readonly args: readonly string[];
  /** `repository@sha256:...`. */
  readonly image: string;
  /** Sorted. */
  readonly dependsOn: readonly string[];
  /** Airflow's trigger rule. */
  readonly when: string;
  readonly requests: Amounts;
  readonly limits: Amounts;
  readonly env: Readonly<Record<string, string>>;
  readonly secrets: readonly { readonly env: string; readonly secret: string; readonly key: string }[];
  readonly retries: number;
  readonly retryDelaySeconds: number;
  readonly backoff: boolean;
  readonly timeoutSeconds: number | null;
  readonly startupTimeoutSeconds: number;
  readonly serviceAccount: string | null;
  readonly nodeSelector: Readonly<Record<string, string>>;
  readonly tolerations: readonly unknown[];
  readonly affinity: unknown;
  readonly pool: string | null;
  readonly deferrable: boolean;
  readonly skipOnExit: number | null;
  /** Asset URIs. */
  readonly produces: readonly string[];
  /** Jinja is evaluated in command, args and env. */
  readonly template: boolean;
}

export interface DagSpec {
  readonly id: string;
  readonly description: string;
  readonly schedule: { readonly cron: string | null; readonly assets: readonly string[] };
  readonly timezone: string;
  /** YYYY-MM-DD. */
  readonly start: string;
  readonly catchup: boolean;
  readonly maxActiveRuns: number;
  readonly timeoutSeconds: number | null;
  readonly params: Readonly<Record<string, string | number | boolean | null>>;
  readonly tags: readonly string[];
  readonly owner: string;
  readonly executor: 'kubernetes' | 'local';
  readonly namespace: string | null;
  /** Labels of every pod: model, version, commit, environment. */
  readonly labels: Readonly<Record<string, string>>;
  readonly tasks: readonly TaskSpec[];
  /** Where a last task tells how each run went; absent: nowhere. */
  readonly metrics?: {
    /** Airflow connection: its address is Control Tower's, its password a token with the role write. */
    readonly connection: string;
    /** What the connection's address must be; null where the repo leaves it to the connection. */
    readonly url: string | null;
    readonly model: string;
  };
}

/** What the pipeline knows and the manifest does not. */
export interface Delivery {
  /** Key of `environments`. */
  readonly environment: string;
  /** Image of tasks that name none, by digest; null when no image was built. */
  readonly image: string | null;
  /** Full SHA of the commit that is deployed. */
  readonly commit: string;
  readonly version: string;
}

export type Environment = DeepReadonly<NonNullable<ResolvedManifest['environments']>[string]>;
