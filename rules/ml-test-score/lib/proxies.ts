/** Features that tell an attribute which the model is not shown. */
import type { Table, World } from '../../../src/kernel/world.ts';
import { association } from '../../../src/stats/association.ts';

/** Association from which on a feature is called a proxy: Cohen's large effect (1988). */
const proxyFrom = 0.5;
const mostFeatures = 50;

export interface Proxy {
  readonly feature: string;
  /** The attribute that it tells. */
  readonly column: string;
  /** Bias-corrected Cramer's V, 0 to 1. */
  readonly association: number;
}

/** Strongest first. */
export async function proxiesOf(
  tables: World['tables'],
  table: Table,
  features: readonly string[],
  columns: readonly string[],
): Promise<readonly Proxy[]> {
  const found: Proxy[] = [];
  const present = features.filter((feature) => table.columns.some(({ name }) => name === feature));
  for (const column of columns)
    for (const feature of present.slice(0, mostFeatures))
      found.push({ feature, column, association: await association(tables, table, feature, column) });
  return found.filter((proxy) => proxy.association >= proxyFrom).sort((a, b) => b.association - a.association);
}

/** `postcode (ethnicity, 0.71)`, at most five. */
export const proxyWords = (proxies: readonly Proxy[]): string =>
  proxies
    .slice(0, 5)
    .map((proxy) => `${proxy.feature} (${proxy.column}, ${proxy.association.toFixed(2)})`)
    .join(', ');
