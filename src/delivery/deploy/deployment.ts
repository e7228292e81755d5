/** What a deployment comes to: its steps, and how it ended. */
import type { Step } from '../steps.ts';

export type StepId =
  | 'preflight'
  | 'images'
  | 'model'
  | 'canary'
  | 'deliver'
  | 'verify'
  | 'unpause'
  | 'test-run'
  | 'alias'
  | 'alias-back'
  | 'roll-back'
  | 'verify-rollback'
  | 'remove'
  | 'pause'
  | 'verify-stop';
export type DeployStep = Step<StepId>;
/** What a step came to. */
export type Result = Omit<DeployStep, 'id' | 'seconds'>;

/** `unchanged`: Airflow has it already. `refused`: nothing was delivered. `superseded`: another deployment came after. */
export type Outcome =
  | 'deployed'
  | 'unchanged'
  | 'refused'
  | 'superseded'
  | 'rolled-back'
  | 'rollback-unverified'
  | 'stopped'
  | 'stop-unverified';

export interface Deployment {
  readonly outcome: Outcome;
  readonly hash: string;
  readonly previousHash: string | null;
  readonly steps: readonly DeployStep[];
}

/** What the ids of runs that a deployment starts begin with. */
export const ownRuns = 'flightcheck__';

export const fileNameOf = (dagId: string): string => `${dagId}.py`;
