/** A check in words: what `flightcheck explain` prints and the guide is made of. */
import { daysOf } from './attestation.ts';
import type { About, AnyCheck, Ask } from './check.ts';
import type { Input, Inputs } from './input.ts';
import schema from './manifest.schema.json' with { type: 'json' };
import type { Suite, SuiteEntry, SuiteSection } from './suite.ts';
import { isTrusted } from './trusted.ts';

export interface ExplainedThreshold {
  readonly what: string;
  readonly value: string;
  readonly source: string;
  /** Key of the manifest that changes it. */
  readonly setting?: string;
}

export interface ExplainedOption {
  readonly name: string;
  readonly value: string;
  readonly description: string;
}

export interface Explained {
  readonly id: string;
  readonly suite: string;
  readonly section: string;
  readonly title: string;
  readonly why: string;
  readonly fix: string;
  readonly reference?: string;
  readonly does?: string;
  readonly asks: readonly Ask[];
  readonly thresholds: readonly ExplainedThreshold[];
  readonly options: readonly ExplainedOption[];
  readonly languages?: NonNullable<About['languages']>;
  /** How it counts, in one or two sentences. */
  readonly scoring: string;
}

type SchemaNode = { readonly default?: unknown; readonly properties?: Readonly<Record<string, SchemaNode>> };

/** The default of a key of the manifest, as text. */
export function defaultOf(key: string): string {
  let node: SchemaNode | undefined = schema as SchemaNode;
  for (const name of key.split('.')) node = node?.properties?.[name];
  return node?.default === undefined ? 'not set' : String(node.default);
}

function scoringOf(suite: Suite, section: SuiteSection, entry: SuiteEntry, check: AnyCheck): string {
  if (suite.method === 'weighted-mean')
    return `Weight ${entry.weight} in the section ${section.title}; a failure is ${entry.severity}. Skipped and not applicable leave the mean.`;
  const by = section.id === 'monitor' ? 'a scheduled pipeline' : 'the pipeline of a push, a merge request or a schedule';
  const judge = isTrusted(check) ? ' The report job judges it, because it asks services.' : '';
  return `1 point when ${by} executes it and it holds, ½ by hand: on a laptop, in a pipeline that a person started, or attested (flightcheck attest ${entry.check}, for ${daysOf(entry.check)} days at most). Skipped, not applicable and error earn nothing.${judge}`;
}

const shown = (value: unknown): string => (Array.isArray(value) ? value.join(', ') || 'none' : String(value));

/** Options of a check with the values that its suite gives. */
const optionsOf = (inputs: Inputs, given: SuiteEntry['options'] = {}): readonly ExplainedOption[] =>
  Object.entries<Input>(inputs).map(([name, { description, default: value }]) => ({
    name,
    value: shown(given[name] ?? value ?? 'required'),
    description,
  }));

export function explainedOf(suite: Suite, section: SuiteSection, entry: SuiteEntry, check: AnyCheck): Explained {
  const { title, why, fix, reference, about, inputs } = check;
  return {
    ...{ id: entry.check, suite: suite.title, section: section.title, title, why, fix },
    ...(reference !== undefined && { reference }),
    ...(about && { does: about.does }),
    asks: about?.asks ?? [],
    thresholds: (about?.thresholds ?? []).map(({ what, source, ...bound }) => ({
      what,
      source,
      value: 'setting' in bound ? defaultOf(bound.setting) : String(bound.value),
      ...('setting' in bound && { setting: bound.setting }),
    })),
    options: optionsOf(inputs, entry.options),
    ...(about?.languages && { languages: about.languages }),
    scoring: scoringOf(suite, section, entry, check),
  };
}

/** Every check of a suite, in its order; one that does not exist yet is left out. */
export async function explainSuite(suite: Suite, load: (id: string) => Promise<AnyCheck | null>): Promise<readonly Explained[]> {
  const found: Explained[] = [];
  for (const section of suite.sections)
    for (const entry of section.checks) {
      const check = await load(entry.check);
      if (check) found.push(explainedOf(suite, section, entry, check));
    }
  return found;
}
