/** Which files are read for secrets, in the tree and in history, and what counts in them. */
import { type SecretFound, secretsIn } from '../../../src/facts/secrets.ts';
import { isTestPath } from './texts.ts';

/** What is never text, and locks, whose hashes are no secrets. */
const unread =
  /\.(png|jpe?g|gif|svg|ico|pdf|woff2?|ttf|eot|parquet|feather|pkl|joblib|h5|onnx|pt|pth|rds|rda|rdata|gz|zip|xz|bz2|7z|jar|whl|so|dylib|dll|exe|bin|npy|npz|mp4|mp3|wav|lock)$|(^|\/)(renv\.lock|package-lock\.json|Pipfile\.lock|pnpm-lock\.yaml)$/i;

export const mayHoldSecrets = (path: string): boolean => !unread.test(path);

/** Tests are full of made-up values; a form that only a real secret has still counts there. */
export const secretsOf = (path: string, text: string): readonly SecretFound[] =>
  secretsIn(text).filter(({ what }) => !(isTestPath(path) && /looks like|connection string|private key/.test(what)));
