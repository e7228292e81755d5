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
    const seen = new Set<string>();
    /** Judges a folder or file once, its folders first; true when there is something wrong on the way. */
    const isWrong = (name: string, path: string): boolean => {
      const cut = name.lastIndexOf('/');
      const folder = name.slice(0, Math.max(cut, 0));
      if (folder !== '' && !seen.has(folder)) {
        seen.add(folder);
        if (isWrong(folder, path)) return true;
      }
      const key = name.toLowerCase();
      const twin = folded.get(key);
      if (twin === undefined) folded.set(key, name);
      const problem =
        twin !== undefined && twin !== name ? `and ${JSON.stringify(twin)} differ only in case` : problemOf(name.slice(cut + 1));
      if (problem !== null) findings.push({ message: `${JSON.stringify(name)} ${problem}`, place: { path } });
      return problem !== null;
    };
    for (const { path } of files.all) isWrong(path, path);
    return judge(capped(findings, 'names'));
  },
});
