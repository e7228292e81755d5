/** Where personal data could be: columns, what is left of erased people, artifacts that everybody can fetch. */
import { readCiConfiguration } from '../../../src/facts/ci/configuration.ts';
import { isMap } from '../../../src/facts/is-map.ts';
import { type PersonalColumn, personalIn } from '../../../src/facts/personal-data.ts';
import type { Finding } from '../../../src/kernel/check.ts';
import { FlightcheckError } from '../../../src/kernel/failure.ts';
import { quoteName } from '../../../src/kernel/sql.ts';
import type { Column, World } from '../../../src/kernel/world.ts';

const scannedRows = 500;
const mostColumns = 1000;

/** Columns of a table whose values are personal data: checksums and patterns over the first rows. */
export async function personalColumnsOf(
  tables: World['tables'],
  table: { readonly name: string; readonly columns: readonly Column[] },
): Promise<readonly PersonalColumn[]> {
  const names = table.columns
    .map((column) => column.name)
    .filter((name) => !name.startsWith('__'))
    .slice(0, mostColumns);
  const texts = names.map((name, i) => `coalesce(CAST(${quoteName(name)} AS VARCHAR), '') AS c${i}`);
  const rows = await tables.query<Record<string, string>>(`SELECT ${texts.join(', ')} FROM ${table.name} LIMIT ${scannedRows}`);
  return personalIn(
    names,
    rows.map((row) => names.map((_, i) => row[`c${i}`] ?? '')),
  );
}

/** Shorter ids are found in any file by chance. */
const leastLength = 5;

/** Ids that stand in `erased` and in no text of `kept`: what nobody could know any more once they are erased. */
export async function onlyIn(tables: World['tables'], erased: string, kept: string, id: string): Promise<readonly string[]> {
  const text = `CAST(${quoteName(id)} AS VARCHAR)`;
  const rows = await tables.query<{ id: string }>(
    `SELECT DISTINCT ${text} AS id FROM ${erased} WHERE length(${text}) >= ${leastLength}
       AND NOT EXISTS (SELECT 1 FROM ${kept} k WHERE contains(CAST(k.${quoteName(id)} AS VARCHAR), CAST(${erased}.${quoteName(id)} AS VARCHAR))) ORDER BY 1`,
  );
  return rows.map((row) => row.id);
}

/** Artifacts of the pipeline that are kept for ever or shown to everybody: https://docs.gitlab.com/ci/yaml/#artifactsaccess */
export async function openArtifacts(files: World['files']): Promise<readonly Finding[]> {
  const path = '.gitlab-ci.yml';
  const text = await files.text(path);
  if (text === null) return [];
  try {
    const { jobs, place } = readCiConfiguration(text, path);
    return [...jobs].flatMap(([name, { artifacts }]): Finding[] => {
      if (!isMap(artifacts) || artifacts.paths === undefined) return [];
      const at = { place: place([name, 'artifacts']) ?? { path } };
      return [
        ...(artifacts.access === 'all' || artifacts.public === true
          ? [
              {
                message: `the artifacts of the job ${name} are shown to everybody who sees the project`,
                fix: 'Set artifacts: access: developer.',
                ...at,
              },
            ]
          : []),
        ...(artifacts.expire_in === undefined || artifacts.expire_in === 'never'
          ? [
              {
                message: `the artifacts of the job ${name} do not expire: what is erased stays in them`,
                fix: 'Set artifacts: expire_in: 1 week.',
                ...at,
              },
            ]
          : []),
      ];
    });
  } catch (error) {
    if (error instanceof FlightcheckError) return [];
    throw error;
  }
}
