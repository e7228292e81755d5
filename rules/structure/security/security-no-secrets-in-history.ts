import { defineCheck, type Finding, fail, judge, skipped } from '../../../src/kernel/check.ts';
import { capped, megabytes } from '../../kinds/lib/findings.ts';
import { mayHoldSecrets, secretsOf } from '../lib/secret-files.ts';

const limitBytes = 2 ** 20;

export default defineCheck({
  title: 'No secret was ever committed',
  why: 'A secret that was deleted again is still in every clone, and scanners look for it there first.',
  fix: 'Revoke the secret: that is what ends the danger. Then take the blob out of history (git filter-repo --strip-blobs-with-ids).',
  reference: 'https://docs.gitlab.com/user/project/repository/repository_size/#purge-files-from-repository-history',
  inputs: {
    except: { type: 'array', description: 'Paths, as they stood in history, that are not read.', default: [] },
    'max-megabytes': { type: 'number', description: 'How much of the history is read, newest first.', default: 200 },
  },
  needs: ['files', 'git'],
  async run({ files, git }, { except, 'max-megabytes': most }) {
    if (!git.isRepository) return skipped('not a Git repository', { nextStep: 'Run git init and commit, or check a clone.' });
    if (git.head === null) return skipped('the repository has no commit yet');
    if (git.isShallow)
      return skipped('a shallow clone: its history was not judged', { nextStep: 'Set GIT_DEPTH: "0" for this job.' });
    const allowed = new Set(except);
    const found = new Map<string, Finding & { readonly path: string; readonly shown: string }>();
    const { read, left } = await git.pastTexts(
      { wanted: (path) => mayHoldSecrets(path) && !allowed.has(path), limitBytes, totalBytes: most * 1e6 },
      (text, { path, sha }) => {
        for (const { what, shown } of secretsOf(path, text)) {
          // What only looks random has too many harmless causes over years of commits.
          if (what.includes('looks like')) continue;
          const message = `${what} (${shown}) stood in ${path}; git log --find-object=${sha.slice(0, 12)} names the commits`;
          if (!found.has(`${path} ${what} ${shown}`))
            found.set(`${path} ${what} ${shown}`, { message, place: { path }, path, shown });
        }
      },
    );
    const findings: Finding[] = [];
    for (const { path, shown, ...finding } of found.values()) {
      const now = await files.text(path);
      // One that still stands there is told by security-no-secrets.
      if (now === null || !secretsOf(path, now).some((secret) => secret.shown === shown)) findings.push(finding);
    }
    if (findings.length > 0) return fail(capped(findings, 'secrets'));
    if (left > 0)
      return skipped(
        `no secret in ${read} earlier versions of files, but ${left} were too much to read: at most ${megabytes(limitBytes)} each and ${most} MB in all`,
        { nextStep: 'Let a secret scanner read the whole history once.' },
      );
    return judge([], { explanation: `${read} earlier versions of files were read.`, n: read });
  },
});
