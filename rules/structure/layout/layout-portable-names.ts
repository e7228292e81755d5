import { defineCheck, type Finding, judge } from '../../../src/kernel/check.ts';
import { capped } from '../../kinds/lib/findings.ts';

const reserved = /^(con|prn|aux|nul|com\d|lpt\d)(\..*)?$/i;

/** What is wrong with one part of a path; null when any system can have it. */
function problemOf(part: string): string | null {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  if (/[\u0000-\u001f\u007f]/.test(part)) return 'holds a control character';
  if (part.includes('\uFFFD')) return 'is not UTF-8';
  if (/[<>:"|?*\\]/.test(part)) return 'holds a character that Windows does not allow';
  if (/[. ]$/.test(part)) return 'ends in a dot or a space';
  if (reserved.test(part)) return 'is a device name on Windows';
  if (part.startsWith('-')) return 'begins with a dash, which commands take for an option';
  if (/[$`;&'!]/.test(part)) return 'holds a character that shells interpret';
  return part.includes(' ') ? 'holds a space' : null;
}

export default defineCheck({
  title: 'File names work on every system',
  why: 'A name with spaces, quotes or another case breaks a checkout on Windows or macOS and every script that forgot to quote.',
  fix: 'Rename with git mv; use letters, digits, dot, dash and underscore.',
  inputs: {},
  needs: ['files'],
  run({ files }) {
    const findings: Finding[] = [];
    const folded = new Map<string, string>();
    const judgedFolders = new Set<string>();
    for (const { path } of files.all) {
      const parts = path.split('/');
      for (const [index, part] of parts.entries()) {
        const upTo = parts.slice(0, index + 1).join('/');
        const key = upTo.toLowerCase();
        const twin = folded.get(key);
        if (twin === undefined) folded.set(key, upTo);
        else if (twin !== upTo && !judgedFolders.has(upTo)) {
          judgedFolders.add(upTo);
          findings.push({ message: `${JSON.stringify(upTo)} and ${JSON.stringify(twin)} differ only in case`, place: { path } });
        }
        if (judgedFolders.has(upTo)) continue;
        const problem = problemOf(part);
        if (problem === null) continue;
        judgedFolders.add(upTo);
        findings.push({ message: `${JSON.stringify(upTo)} ${problem}`, place: { path } });
      }
    }
    return judge(capped(findings, 'names'));
  },
});
