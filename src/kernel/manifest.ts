/** The manifest with every default filled in: what checks read. Its shape is generated from `manifest.schema.json`. */
import type { ResolvedManifest as Generated } from './generated/manifest.ts';

/** Readonly all the way down. */
export type DeepReadonly<T> = T extends (infer U)[]
  ? readonly DeepReadonly<U>[]
  : T extends object
    ? { readonly [K in keyof T]: DeepReadonly<T[K]> }
    : T;

export type ResolvedManifest = DeepReadonly<Generated>;
export type Gate = ResolvedManifest['gate'];
export type Waiver = ResolvedManifest['waivers'][number];

/** The name of the manifest, at the root of a model repo. */
export const manifestFile = 'flightcheck.yml';
