/** `flightcheck explain`: the three suites and the packs of the repo, in words. */
import { suite as delivery, checks as deliveryChecks } from '../../rules/delivery/index.generated.ts';
import { suite as rubric, checks as rubricChecks } from '../../rules/ml-test-score/index.generated.ts';
import { openFiles } from '../adapters/files.ts';
import { deployExplained } from '../delivery/deploy/suite.ts';
import { buildExplained } from '../delivery/image/suite.ts';
import { didYouMean } from '../facts/did-you-mean.ts';
import { type Explained, explainSuite } from '../kernel/explained.ts';
import { exitCode, UsageError } from '../kernel/failure.ts';
import type { CheckRegistry } from '../kernel/suite.ts';
import { renderCatalogue, renderExplained } from '../reports/explain.ts';
import type { Context, Invocation } from './command.ts';
import { openManifest, rootOf } from './repo.ts';
import { loadStructureCheck, structureRules, structureSuite } from './structure-rules.ts';

const from = (registry: CheckRegistry) => async (id: string) =>
  Object.hasOwn(registry, id) ? ((await registry[id]?.()) ?? null) : null;

/** Ours, and those of the packs that the repo names; the tree is walked only when it names some. */
async function rulesOf(context: Context, invocation: Invocation) {
  const root = await rootOf(context, { ...invocation, args: invocation.args.slice(1) });
  const manifest = await openManifest(root, invocation);
  if ((manifest.value?.structure.packs ?? []).length === 0) return { suite: structureSuite, load: loadStructureCheck };
  return structureRules({ manifest, files: await openFiles(root, { signal: context.signal }) });
}

/** What is known: the id, or a guess. */
function oneOf(all: readonly Explained[], id: string): Explained {
  const found = all.find((check) => check.id === id);
  if (found) return found;
  const guess = didYouMean(
    id,
    all.map((check) => check.id),
  );
  throw new UsageError('UNKNOWN_CHECK', `there is no check ${id}`, {
    hint: guess ? `Did you mean ${guess}? flightcheck explain lists all.` : 'flightcheck explain lists all.',
  });
}

export async function explain(context: Context, invocation: Invocation): Promise<number> {
  const rules = await rulesOf(context, invocation);
  const all = [
    ...(await explainSuite(rubric, from(rubricChecks))),
    ...(await explainSuite(rules.suite, rules.load)),
    ...(await explainSuite(delivery, from(deliveryChecks))),
    ...buildExplained,
    ...deployExplained,
  ];
  const [id] = invocation.args;
  const shown = id === undefined ? all : oneOf(all, id);
  const options = { width: context.width, color: context.isColor };
  if (context.isJson) context.print(`${JSON.stringify(shown, null, 2)}\n`);
  else context.print(Array.isArray(shown) ? renderCatalogue(all, options) : renderExplained(shown as Explained, options));
  return exitCode.fine;
}
