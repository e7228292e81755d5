import { defineCheck, type Finding, judge, notApplicable } from '../../../src/kernel/check.ts';
import { capped } from '../../kinds/lib/findings.ts';
import { eachSource, ownPaths, pythonSources, rSources } from '../lib/texts.ts';

/** Home folders of people; the users of common images have the same path everywhere. */
const homes =
  /["'](\/home\/(?!(?:jovyan|runner|rstudio|app|appuser|user|ubuntu|airflow|vscode|docker|node|root|nonroot|python|mambauser|ray|spark|username|\{)\b)[\w.-]+\/[^"'\n]*|\/Users\/(?!username\b)[\w.-]+\/[^"'\n]*|[A-Za-z]:(?:\\\\?|\/)(?:Users|Documents and Settings|Projects|Data|Work)\b[^"'\n]*|\/(?:dbfs\/FileStore|content\/drive)\/[^"'\n]*)/;
const workingFolder = /\bsetwd\s*\(\s*["'](?:[/~]|[A-Za-z]:)[^"'\n]*/;

export default defineCheck({
  title: 'Code names no path of one machine',
  why: 'A path below somebody’s home folder works for that person only, and tells who they are.',
  fix: 'Use a path relative to the repo (pathlib, here::here()) or a parameter of the hook.',
  inputs: { except: { type: 'array', description: 'Globs of files that may.', default: [] } },
  needs: ['files'],
  async run({ files }, { except }) {
    const allowed = new Set(files.glob(except));
    const paths = ownPaths(files, [...pythonSources, ...rSources, '**/*.sh']).filter((path) => !allowed.has(path));
    if (paths.length === 0) return notApplicable('the repo has no Python, R or shell source files');
    const findings: Finding[] = [];
    await eachSource(files, paths, (path, text, lines) => {
      if (!/\/home\/|\/Users\/|:[\\/]|setwd|\/dbfs\/|\/content\/drive/.test(text)) return;
      for (const { text: code, line } of lines()) {
        if (code.length > 2000) continue;
        const found = homes.exec(code)?.[1] ?? workingFolder.exec(code)?.[0];
        if (found !== undefined)
          findings.push({ message: `The path ${found.slice(0, 60)} exists on one machine only`, place: { path, line } });
      }
    });
    return judge(capped(findings, 'paths'));
  },
});
