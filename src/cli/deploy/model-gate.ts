/** The registered model that an environment waits for, as a deployment asks for it. */
import { openModelRegistry } from '../../adapters/mlflow/registry.ts';
import { accessOf } from '../../adapters/mlflow/requester.ts';
import type { Environment } from '../../delivery/dag/spec.ts';
import type { ModelGate } from '../../delivery/deploy/model.ts';
import { type Place, UsageError } from '../../kernel/failure.ts';
import type { ResolvedManifest } from '../../kernel/manifest.ts';
import type { Context } from '../command.ts';

interface Settings {
  readonly mlflow: ResolvedManifest['mlflow'];
  readonly environment: Environment;
  readonly place: Place;
}

function gateOf({ env }: Context, settings: Settings): ModelGate | undefined {
  const { tracking, registeredModel, alias } = settings.mlflow;
  const { mlflow } = settings.environment;
  if (!mlflow) return undefined;
  const wrong = (message: string, hint: string): UsageError =>
    new UsageError('MLFLOW_SETTINGS', message, { hint, place: settings.place });
  if (registeredModel === undefined)
    throw wrong('environments.*.mlflow has no registered model', 'Add `mlflow: { registeredModel: NAME }` at the top level.');
  const { metric, greaterIsBetter, tolerance, version } = mlflow;
  // Credentials come from the job's variables, as MLflow's own client reads them.
  const access = accessOf(tracking, env);
  if (typeof access === 'string') throw wrong(`MLflow cannot be asked: ${access}`, 'Set it, or leave environments.*.mlflow out.');
  return {
    registry: openModelRegistry(access, { model: registeredModel, alias: mlflow.alias ?? alias }, env),
    ...(version !== undefined && { version: String(version) }),
    ...(metric !== undefined && { metric: { name: metric, greaterIsBetter: greaterIsBetter === true, tolerance } }),
  };
}

/** Undefined where the environment does not ask MLflow. A rollback goes its way also where MLflow cannot be asked. */
export function modelGateOf(context: Context, settings: Settings, action: 'apply' | 'rollback'): ModelGate | undefined {
  try {
    return gateOf(context, settings);
  } catch (error) {
    if (action === 'apply' || !(error instanceof UsageError)) throw error;
    context.log.warn(`${error.message}. ${error.hint}`);
    return undefined;
  }
}
