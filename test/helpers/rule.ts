/** Runs one rule of the structure suite, or any check, over a repo made for the test, through the real adapters. */
import { describe, expect, test } from 'vitest';
import { openFiles } from '../../src/adapters/files.ts';
import { openGit } from '../../src/adapters/git.ts';
import { openGitLab } from '../../src/adapters/gitlab.ts';
import { readText } from '../../src/adapters/read-text.ts';
import { loadStructureCheck } from '../../src/cli/structure-rules.ts';
import { loadManifest } from '../../src/engine/manifest/load.ts';
import type { AnyCheck, Finding, Verdict } from '../../src/kernel/check.ts';
import { resolveInputs } from '../../src/kernel/input.ts';
import type { GitLab, Need, World } from '../../src/kernel/world.ts';
import { type FileMap, makeRepo } from './repo.ts';

export async function judgeFolder(
  check: AnyCheck,
  folder: string,
  more: { options?: object; gitlab?: GitLab } = {},
): Promise<Verdict> {
  const [manifest, files, git] = await Promise.all([
    loadManifest({ read: (path) => readText(folder, path) }),
    openFiles(folder),
    openGit(folder),
  ]);
  const world: Partial<World> = { manifest, files, git, gitlab: more.gitlab ?? openGitLab({}) };
  const handed = Object.fromEntries(check.needs.map((need: Need) => [need, world[need]]));
  const { values, problems } = resolveInputs(check.inputs, { ...more.options });
  expect(problems).toEqual([]);
  return check.run(handed as unknown as World, values);
}

export async function structureCheck(id: string): Promise<AnyCheck> {
  const check = await loadStructureCheck(id);
  if (!check) throw new Error(`there is no check ${id}`);
  return check;
}

/** What a rejected repo must be told: one entry for each finding, in order. */
interface Expected {
  readonly path: string;
  readonly line?: number;
  /** Words of the message. */
  readonly says?: string;
}

interface Cases {
  readonly accept?: readonly FileMap[];
  readonly reject?: readonly (readonly [FileMap, ...Expected[]])[];
  /** Not judged: the outcome and words of its reason. */
  readonly leave?: readonly (readonly [FileMap, 'not-applicable' | 'skipped', string])[];
}

const shown = (files: FileMap): string => Object.keys(files).join(' ') || '(nothing)';

const findingsOf = (verdict: Verdict): readonly Finding[] => ('findings' in verdict ? (verdict.findings ?? []) : []);

/** Accept and reject tables of one rule. */
export function testRule(id: string, { accept = [], reject = [], leave = [] }: Cases): void {
  describe(id, async () => {
    const check = await structureCheck(id);
    const judge = (files: FileMap) => judgeFolder(check, makeRepo(files, { git: check.needs.includes('git') }));
    for (const files of accept)
      test(`accepts ${shown(files)}`, async () => {
        expect(await judge(files)).toMatchObject({ outcome: 'pass' });
      });
    for (const [files, ...expected] of reject)
      test(`rejects ${shown(files)}`, async () => {
        const verdict = await judge(files);
        expect(verdict.outcome).toBe('fail');
        const found = findingsOf(verdict).map(({ place, message }, index) => ({
          path: place?.path,
          ...(expected[index]?.line !== undefined && { line: place?.line }),
          ...(expected[index]?.says !== undefined && {
            says: message.includes(expected[index].says) ? expected[index].says : message,
          }),
        }));
        expect(found).toEqual(expected);
      });
    for (const [files, outcome, words] of leave)
      test(`is ${outcome} for ${shown(files)}`, async () => {
        expect(await judge(files)).toMatchObject({ outcome, reason: expect.stringContaining(words) });
      });
  });
}
