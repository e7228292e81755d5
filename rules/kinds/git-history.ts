import { type Finding, judge, notApplicable, skipped, type Verdict } from '../../src/kernel/check.ts';
import { defineKind } from '../../src/kernel/rule-kind.ts';
import type { Git } from '../../src/kernel/world.ts';
import { capped, megabytes } from './lib/findings.ts';
import { firstMatch, patternProblems } from './lib/pattern.ts';

const needsPattern = new Set(['commit-subject', 'author-email', 'tag-name', 'branch-name']);

async function largeBlobs(git: Git, limit: number): Promise<Verdict> {
  const blobs = await git.largeBlobs(limit * 1e6);
  return judge(
    capped(
      blobs.map((blob) => ({
        message: `${blob.path} was committed with ${megabytes(blob.bytes)} (blob ${blob.sha.slice(0, 10)}); every clone carries it`,
        place: { path: blob.path },
      })),
      'blobs',
    ),
  );
}

/** The texts that a pattern is held against, with the words that name each. */
async function textsOf(git: Git, subject: string, commits: number): Promise<readonly (readonly [text: string, words: string])[]> {
  if (subject === 'tag-name') return (await git.tags()).map((tag) => [tag, `The tag ${tag}`]);
  if (subject === 'branch-name') return git.branch === null ? [] : [[git.branch, `The branch ${git.branch}`]];
  return (await git.commits(commits)).map((commit) =>
    subject === 'author-email'
      ? [commit.authorEmail, `The author address ${commit.authorEmail} of commit ${commit.sha.slice(0, 10)}`]
      : [commit.subject, `The subject "${commit.subject.slice(0, 80)}" of commit ${commit.sha.slice(0, 10)}`],
  );
}

export default defineKind({
  summary: 'Blobs, commits, tags or the branch of the history are as they should be.',
  inputs: {
    judge: {
      type: 'string',
      description: 'What is judged.',
      options: ['blob-size', 'commit-subject', 'author-email', 'tag-name', 'branch-name'],
    },
    'max-megabytes': {
      type: 'number',
      description: 'blob-size: largest blob ever committed, in megabytes of 1,000,000 bytes.',
      default: 0,
    },
    pattern: { type: 'string', description: 'Else: the whole text must match this regular expression, RE2 syntax.', default: '' },
    commits: { type: 'number', description: 'How many of the newest commits are judged.', default: 50 },
    since: {
      type: 'string',
      description: 'tag-name: only tags that look like versions.',
      options: ['all', 'versions'],
      default: 'all',
    },
  },
  needs: ['git'],
  problems: ({ judge: subject, pattern, 'max-megabytes': limit, commits }) => [
    ...(subject === 'blob-size' && !(limit > 0) ? ['max-megabytes is not above 0'] : []),
    ...(needsPattern.has(subject) && pattern === '' ? [`${subject} needs a pattern`] : []),
    ...(commits >= 1 && commits <= 100_000 ? [] : ['commits is not between 1 and 100000']),
    ...patternProblems('pattern', pattern),
  ],
  async run({ git }, { judge: subject, 'max-megabytes': limit, pattern, commits, since }) {
    if (!git.isRepository) return skipped('not a Git repository', { nextStep: 'Run git init and commit, or check a clone.' });
    if (git.head === null) return skipped('the repository has no commit yet');
    if (git.isShallow && subject !== 'branch-name')
      return skipped('a shallow clone: its history was not judged', { nextStep: 'Set GIT_DEPTH: "0" for this job.' });
    if (subject === 'blob-size') return largeBlobs(git, limit);
    const texts = await textsOf(git, subject, commits);
    const judged = since === 'versions' ? texts.filter(([text]) => /^[vV]?\d/.test(text)) : texts;
    if (judged.length === 0) return notApplicable(subject === 'branch-name' ? 'HEAD is on no branch' : 'there is none');
    const wrong = judged.filter(([text]) => firstMatch(`^(?:${pattern})$`, text) < 0);
    const findings = wrong.map(
      ([, words]): Finding => ({ message: `${words} does not match ${pattern}`, place: { path: '.git' } }),
    );
    return judge(capped(findings, subject));
  },
});
