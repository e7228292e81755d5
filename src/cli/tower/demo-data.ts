/** `flightcheck tower demo-data`: a made-up organisation, so that every page of Control Tower can be seen full. */
import * as rubric from '../../../rules/ml-test-score/index.generated.ts';
import * as structure from '../../../rules/structure/index.generated.ts';
import { exitCode, UsageError } from '../../kernel/failure.ts';
import type { CheckRegistry, Suite, SuiteEntry } from '../../kernel/suite.ts';
import { randomOf } from '../../stats/random.ts';
import type { DemoSuite, DemoTest } from '../../tower/demo/reports.ts';
import { seedDemo } from '../../tower/demo/seed.ts';
import { openStore } from '../../tower/store/open.ts';
import type { Context, Invocation } from '../command.ts';
import { storeLocation } from './store.ts';

interface SuiteModule {
  readonly suite: Suite;
  readonly checks: CheckRegistry;
  readonly rules: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

/** Title, why and fix as the suite's own checks say them, whether they are code or data. */
async function testOf({ checks, rules }: SuiteModule, entry: SuiteEntry): Promise<DemoTest> {
  const { check: id, severity, weight } = entry;
  const about: Readonly<Record<string, unknown>> = { ...rules[id], ...(await checks[id]?.()) };
  const text = (name: string): string => (typeof about[name] === 'string' ? about[name] : '');
  return { id, title: entry.title ?? text('title'), why: text('why'), fix: text('fix'), severity, weight };
}

const demoSuite = async (module: SuiteModule): Promise<DemoSuite> => ({
  id: module.suite.id,
  title: module.suite.title,
  method: module.suite.method,
  sections: await Promise.all(
    module.suite.sections.map(async ({ id, title, checks }) => ({
      id,
      title,
      tests: await Promise.all(checks.map((entry) => testOf(module, entry))),
    })),
  ),
});

function wholeNumber(invocation: Invocation, name: string, most: number): number {
  const value = invocation.options[name];
  if (typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= most) return value;
  throw new UsageError('TOWER_DEMO', `--${name} is ${String(value)}, expected a whole number from 1 to ${most}`, {
    hint: 'The defaults make 200 models over 180 days.',
  });
}

export async function writeDemoData(context: Context, invocation: Invocation): Promise<number> {
  const models = wholeNumber(invocation, 'models', 10_000);
  const days = wholeNumber(invocation, 'days', 1000);
  const seed = typeof invocation.options.seed === 'number' ? invocation.options.seed : 1;
  const location = storeLocation(context, invocation);
  const suites = [await demoSuite(structure), await demoSuite(rubric)];
  const started = performance.now();
  const store = await openStore(location);
  try {
    const seeded = await context.log.step(`${models} made-up models over ${days} days`, (update) =>
      seedDemo(store.db, {
        models,
        days,
        until: new Date(),
        version: context.version,
        suites,
        chanceOf: (index) => randomOf(seed * 100_003 + index),
        onModel: (done) => update(`${done} of ${models} made-up models`),
        signal: context.signal,
      }),
    );
    const seconds = Math.round((performance.now() - started) / 1000);
    const inWords =
      seeded.models === 0
        ? `Interrupted before the first model: ${store.location} holds none of the made-up models.\n`
        : `${seeded.models} models, ${seeded.reports} reports and ${seeded.points} points in ${seconds} s, in ${store.location}${context.signal.aborted ? `; interrupted before the other ${models - seeded.models} models` : ''}\n` +
          `See them: flightcheck tower serve${'folder' in location ? ` --data ${location.folder}` : ''}\n`;
    context.print(context.isJson ? `${JSON.stringify({ ...seeded, seconds, location: store.location })}\n` : inWords);
    return context.signal.aborted ? exitCode.interrupted : 0;
  } finally {
    await store.close();
  }
}
