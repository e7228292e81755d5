import { notebookOutputs } from '../../src/facts/notebook.ts';
import { type Finding, judge, notApplicable } from '../../src/kernel/check.ts';
import { defineKind } from '../../src/kernel/rule-kind.ts';
import { capped } from './lib/findings.ts';

/** Plots make notebooks large; above this the rest of a notebook is not read. */
const readBytes = 16 * 2 ** 20;

export default defineKind({
  summary: 'Notebooks are stored without outputs.',
  inputs: {
    files: { type: 'array', description: 'Globs of notebooks.', default: ['**/*.ipynb'] },
    except: { type: 'array', description: 'Globs of notebooks that may keep outputs.', default: [] },
  },
  needs: ['files'],
  async run({ files }, { files: globs, except }) {
    const allowed = new Set(files.glob(except));
    const paths = files.glob(globs).filter((path) => !allowed.has(path));
    if (paths.length === 0) return notApplicable('the repo has no notebooks');
    const findings: Finding[] = [];
    for (const path of paths) {
      const outputs = notebookOutputs((await files.text(path, readBytes)) ?? '');
      if (outputs.count > 0)
        findings.push({ message: `${path} stores ${outputs.count} output(s)`, place: { path, line: outputs.firstLine } });
    }
    return judge(capped(findings, 'notebooks'));
  },
});
