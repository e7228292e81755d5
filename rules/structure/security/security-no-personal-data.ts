import { personalColumns } from '../../../src/facts/personal-data.ts';
import { defineCheck, type Finding, judge, notApplicable } from '../../../src/kernel/check.ts';
import { capped } from '../../kinds/lib/findings.ts';

export default defineCheck({
  title: 'Sample tables identify nobody',
  why: 'A copy of the repo is a copy of the people in it, out of reach of deletion and of the law’s deadlines.',
  fix: 'Replace the column by made-up values or a keyed hash, and remove the file from history.',
  inputs: { except: { type: 'array', description: 'Globs of tables that are not read.', default: [] } },
  needs: ['files'],
  async run({ files }, { except }) {
    const allowed = new Set(files.glob(except));
    const tables = files.glob(['**/*.csv', '**/*.tsv', '**/*.CSV']).filter((path) => !allowed.has(path));
    if (tables.length === 0) return notApplicable('the repo has no CSV or TSV files');
    const findings: Finding[] = [];
    for (const path of tables) {
      const text = await files.text(path);
      for (const { column, what, values } of text === null ? [] : personalColumns(text))
        findings.push({
          message: `The column ${JSON.stringify(column.slice(0, 60))} of ${path} holds ${what} (${values} different ones in the first rows)`,
          place: { path, line: 1 },
        });
    }
    return judge(capped(findings, 'columns'));
  },
});
