/** What a machine lacks for the checks of a repo, and the manifest explained. */
import { stringify } from 'yaml';
import { probeTool } from '../adapters/tools.ts';
import { explainManifest, requireManifest } from '../engine/manifest/load.ts';
import { exitCode, formatPlace } from '../kernel/failure.ts';
import { cleanText } from '../reports/text.ts';
import type { Context, Invocation } from './command.ts';
import { openManifest, rootOf } from './repo.ts';

/** Prints `key: value  # origin` for every leaf. */
export async function printManifest(context: Context, invocation: Invocation): Promise<number> {
  const manifest = await openManifest(await rootOf(context, invocation), invocation);
  const value = requireManifest(manifest);
  const rows = explainManifest(manifest);
  if (context.isJson) {
    context.print(
      `${JSON.stringify({ manifest: value, origins: Object.fromEntries(rows.map((row) => [row.key, row.origin])) }, null, 2)}\n`,
    );
    return exitCode.fine;
  }
  const lines = rows.map(
    ({ key, value: leaf, origin }) =>
      [`${key}: ${stringify(leaf, { collectionStyle: 'flow', lineWidth: 0 }).trimEnd()}`, origin] as const,
  );
  const width = Math.min(60, Math.max(...lines.map(([text]) => text.length)));
  context.print(lines.map(([text, origin]) => `${text.padEnd(width)}  # ${origin}\n`).join(''));
  return exitCode.fine;
}

/** One line per tool: what it is for, which version was found, what to do when it is missing. */
export async function examine(context: Context, invocation: Invocation): Promise<number> {
  const root = await rootOf(context, invocation);
  const manifest = await openManifest(root, invocation);
  const hooks = manifest.value?.hooks;
  const words = Object.values(hooks ?? {})
    .filter((hook) => typeof hook === 'string')
    .join(' ');
  const builder = manifest.value?.image?.builder;
  const isR = /\bRscript\b/.test(words);
  const tools = await Promise.all([
    probeTool('git', ['--version'], 'history rules and working copies', true),
    probeTool('python3', ['--version'], 'hooks written in Python', /\bpython3?\b/.test(words)),
    probeTool('Rscript', ['--version'], 'hooks written in R', isR),
    probeTool('buildah', ['--version'], 'flightcheck build', builder === 'buildah'),
    probeTool('buildctl', ['--version'], 'flightcheck build with image.builder: buildkit; not in Debian', builder === 'buildkit'),
    probeTool('rsync', ['--version'], 'npm run demo (gitlab-ci-local copies artifacts with it)', false),
  ]);
  const missing = tools.filter((tool) => tool.isNeeded && tool.version === null);
  const problems = manifest.problems;
  if (context.isJson)
    context.print(
      `${JSON.stringify({ node: process.version, tools, manifest: { valid: manifest.value !== null, problems } }, null, 2)}\n`,
    );
  else {
    context.print(`node      ${process.version}\n`);
    for (const tool of tools) {
      const state = tool.version ?? (tool.isNeeded ? 'MISSING, and needed' : 'not found, not needed here');
      context.print(`${tool.name.padEnd(9)} ${state} (${tool.purpose})\n`);
    }
    context.print(`manifest  ${manifest.value ? 'valid' : `${problems.length} problem(s)`}\n`);
    for (const problem of problems)
      context.print(
        cleanText(`  ${problem.place ? `${formatPlace(problem.place)}: ` : ''}${problem.message}\n    -> ${problem.hint}\n`),
      );
  }
  if (problems.length > 0) return exitCode.usage;
  return missing.length > 0 ? exitCode.environment : exitCode.fine;
}
