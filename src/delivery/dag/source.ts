/** `dag.from`: tasks that another tool's file describes; what the manifest says of a task of the same id is laid over it. */
import { type Stages, stagesOfDvc, stagesOfMlproject } from '../../facts/dag-stages.ts';
import { UsageError } from '../../kernel/failure.ts';
import { manifestFile, type ResolvedManifest } from '../../kernel/manifest.ts';

type PlaceOf = (key: string) => UsageError['place'];

/** The manifest with those tasks. Throws DAG_SOURCE where the file is not there or cannot be read as a DAG. */
export async function withTasksOf(
  manifest: ResolvedManifest,
  text: (path: string) => Promise<string | null>,
  place: PlaceOf,
): Promise<ResolvedManifest> {
  const from = manifest.dag?.from;
  if (from === undefined) return manifest;
  const found = await text(from);
  if (found === null)
    throw new UsageError('DAG_SOURCE', `dag.from: there is no ${from} in this repo`, {
      hint: `Add it, or write the tasks into ${manifestFile}.`,
      place: place('dag.from') ?? { path: manifestFile },
    });
  const own = manifest.tasks ?? {};
  const stages: Stages =
    from === 'dvc.yaml'
      ? stagesOfDvc(found, from, await text('params.yaml'))
      : stagesOfMlproject(found, from, Object.keys(own), manifest.dag?.params ?? {});
  const read = Object.entries(stages).map(([id, { command, dependsOn }]) => {
    const base = { command: [...command], dependsOn: [...dependsOn], template: false };
    return [id, { ...base, ...own[id] }] as const;
  });
  return { ...manifest, tasks: { ...own, ...Object.fromEntries(read) } };
}
