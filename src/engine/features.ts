/** `features: auto` spelt out: the columns of the training table but id, time, label and protected ones. */
import { FlightcheckError } from '../kernel/failure.ts';
import type { ResolvedManifest } from '../kernel/manifest.ts';
import type { Tables } from '../kernel/world.ts';

/**
 * The manifest with the list of features. Where no table can be read it stays `auto`: each check then says for itself
 * what is wrong with the table.
 */
export async function withFeatures(manifest: ResolvedManifest, tables: Pick<Tables, 'open'>): Promise<ResolvedManifest> {
  const { columns } = manifest;
  if (columns.features !== 'auto') return manifest;
  const readable = async (table: 'train' | 'eval') =>
    tables.open({ table }).catch((error: unknown) => {
      if (error instanceof FlightcheckError) return null;
      throw error;
    });
  const table = (await readable('train')) ?? (await readable('eval'));
  if (!table) return manifest;
  const others = new Set([columns.id, columns.time, columns.label, ...columns.protected]);
  const features = table.columns.map((column) => column.name).filter((name) => !others.has(name));
  return features.length > 0 ? { ...manifest, columns: { ...columns, features } } : manifest;
}
