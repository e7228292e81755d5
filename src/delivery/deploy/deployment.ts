/** What a deployment comes to: its steps, and how it ended. */
import type { Step } from '../steps.ts';

export type StepId = 'preflight' | 'canary' | 'deliver' | 'verify' | 'unpause' | 'test-run' | 'roll-back' | 'verify-rollback';
export type DeployStep = Step<StepId>;

/** `unchanged`: Airflow has it already. `refused`: nothing was delivered. `superseded`: another deployment came after. */
export type Outcome = 'deployed' | 'unchanged' | 'refused' | 'superseded' | 'rolled-back' | 'rollback-unverified';

export interface Deployment {
  readonly outcome: Outcome;
  readonly hash: string;
  readonly previousHash: string | null;
  readonly steps: readonly DeployStep[];
}

export const fileNameOf = (dagId: string): string => `${dagId}.py`;
