/** The checks themselves -> `docs/guide/`, a page for each section. */
import { basename, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { kinds } from '../../rules/kinds/index.generated.ts';
import { ruleCheck } from '../engine/rules.ts';
import type { AnyCheck } from '../kernel/check.ts';
import { type Explained, explainSuite } from '../kernel/explained.ts';
import { renderGuide } from '../reports/guide.ts';
import { type SuiteFiles, suiteFiles, suites } from './registry.ts';

/** Loads from the files, not from the registry, which this very run may just be writing. */
async function explained(root: string, { folder, suite, code, data }: SuiteFiles): Promise<readonly Explained[]> {
  const load = async (id: string): Promise<AnyCheck | null> => {
    const path = code.get(id);
    if (path !== undefined)
      return ((await import(pathToFileURL(join(root, folder, path)).href)) as { default: AnyCheck }).default;
    return data.has(id) ? ruleCheck(id, data.get(id), kinds, { path: basename(id) }) : null;
  };
  return explainSuite(suite, load);
}

export async function guideFiles(root: string): Promise<Record<string, string>> {
  const sections: { name: string; checks: readonly Explained[] }[] = [];
  for (const id of suites) {
    const files = await suiteFiles(root, id);
    const all = await explained(root, files);
    for (const section of files.suite.sections) {
      const checks = all.filter(({ section: title }) => title === section.title);
      if (checks.length > 0) sections.push({ name: `${id}-${section.id}`, checks });
    }
  }
  return Object.fromEntries([...renderGuide(sections)].map(([path, text]) => [`docs/guide/${path}`, text]));
}
