import { defineCheck, type Finding, judge } from '../../../src/kernel/check.ts';
import { capped } from '../../kinds/lib/findings.ts';
import { mayHoldSecrets, secretsOf } from '../lib/secret-files.ts';

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
      if (bytes === 0 || allowed.has(path) || !mayHoldSecrets(path)) continue;
      const text = await files.text(path);
      if (text === null) continue;
      for (const { what, line, shown } of secretsOf(path, text))
        findings.push({ message: `${what} (${shown})`, place: { path, line } });
    }
    return judge(capped(findings, 'secrets'));
  },
});
