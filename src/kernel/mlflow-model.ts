/** `predict: mlflow:...`: which model it names. */
export type MlflowModel =
  /** A version of a registered model: by alias or by number. */
  | { readonly name: string; readonly alias: string }
  | { readonly name: string; readonly version: string }
  /** A folder of the repo with an `MLmodel` file. */
  | { readonly path: string };

const prefix = 'mlflow:';

export const isMlflowHook = (command: string | undefined): boolean => command?.trim().startsWith(prefix) ?? false;

/**
 * Reads `mlflow:models/NAME@ALIAS`, `mlflow:models:/NAME@ALIAS`, `mlflow:models:/NAME/3` (MLflow's own addresses) and
 * `mlflow:path/to/folder`; null when it is none of these.
 */
export function parseMlflowHook(command: string): MlflowModel | null {
  const text = command.trim().slice(prefix.length);
  const [, name, alias] = /^models:?\/([^/:@]+)@([A-Za-z0-9_-]+)$/.exec(text) ?? [];
  if (name !== undefined && alias !== undefined) return { name, alias };
  const [, versioned, version] = /^models:\/([^/:@]+)\/(\d+)$/.exec(text) ?? [];
  if (versioned !== undefined && version !== undefined) return { name: versioned, version };
  const parts = text.split('/');
  const isPath = text !== '' && !text.startsWith('/') && !/[:@\0\\]/.test(text) && !parts.includes('..');
  return isPath ? { path: text.replace(/^\.\//, '').replace(/\/+$/, '') } : null;
}
