/** A logged model that is itself the predict hook needs no training: where none is written down, it is the model that checks share. */
import { canonical } from '../../kernel/canonical.ts';
import {
  type GivenModel,
  type HookRequest,
  type ModelRequest,
  type PlannedExecution,
  sharedTraining,
} from '../../kernel/hooks.ts';
import type { ResolvedManifest } from '../../kernel/manifest.ts';
import { isMlflowHook } from '../../kernel/mlflow-model.ts';

const named: GivenModel = { hook: 'given', which: 'named' };
const isShared = (model: ModelRequest): boolean => canonical(model) === canonical(sharedTraining);

/** The request as it is run: with a train hook as it is. */
export function withNamedModel<T extends HookRequest>({ hooks }: Pick<ResolvedManifest, 'hooks'>, request: T): T {
  if (hooks.train !== undefined || !isMlflowHook(hooks.predict)) return request;
  const asks = request.hook === 'predict' || request.hook === 'serve';
  return asks && isShared(request.model) ? { ...request, model: named } : request;
}

export const withNamedModels = (
  manifest: Pick<ResolvedManifest, 'hooks'>,
  planned: readonly PlannedExecution[],
): readonly PlannedExecution[] => planned.map((one) => ({ ...one, request: withNamedModel(manifest, one.request) }));
