import { secretsIn } from '../../../src/facts/secrets.ts';
import { defineCheck, type Finding, judge } from '../../../src/kernel/check.ts';
import { capped } from '../../kinds/lib/findings.ts';
import { isTestPath } from '../lib/texts.ts';

/** What is never text, and locks, whose hashes are no secrets. */
const unread =
  /\.(png|jpe?g|gif|svg|ico|pdf|woff2?|ttf|eot|parquet|feather|pkl|joblib|h5|onnx|pt|pth|rds|rda|rdata|gz|zip|xz|bz2|7z|jar|whl|so|dylib|dll|exe|bin|npy|npz|mp4|mp3|wav|lock)$|(^|\/)(renv\.lock|package-lock\.json|Pipfile\.lock|pnpm-lock\.yaml)$/i;

export default defineCheck({
  title: 'No secret is in the repo',
  why: 'Everyone who can clone the repo, now or later, can use it; deleting the line does not take it back.',
  fix: 'Revoke the secret first, then read it from a CI/CD variable or a secret store, and remove it from history.',
  reference: 'https://docs.gitlab.com/user/application_security/secret_detection/',
  inputs: { except: { type: 'array', description: 'Globs of files that are not read.', default: [] } },
  needs: ['files'],
  async run({ files }, { except }) {
    const allowed = new Set(files.glob(except));
    const findings: Finding[] = [];
    for (const { path, bytes } of files.all) {
      if (bytes === 0 || allowed.has(path) || unread.test(path)) continue;
      const text = await files.text(path);
      if (text === null) continue;
      for (const { what, line, shown } of secretsIn(text)) {
        // Tests are full of made-up values; a form that only a real secret has still counts there.
        if (isTestPath(path) && /looks like|connection string|private key/.test(what)) continue;
        findings.push({ message: `${what} (${shown})`, place: { path, line } });
      }
    }
    return judge(capped(findings, 'secrets'));
  },
});
