/** Bills of materials against CycloneDX's own schema, and against what GitLab's dependency list accepts. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { Ajv } from 'ajv';
import formatsModule from 'ajv-formats';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { cycloneDx, type LockFile, readLockFile } from '../../src/delivery/image/sbom.ts';

const schemas = join(dirname(createRequire(import.meta.url).resolve('@cyclonedx/cyclonedx-library/package.json')), 'res/schema');
const schema = (name: string) => JSON.parse(readFileSync(join(schemas, `${name}.SNAPSHOT.schema.json`), 'utf8')) as object;
const ajv = new Ajv({ strict: false, allErrors: true });
formatsModule.default(ajv);
// Formats of international names, which ajv-formats does not have; no bill of ours has one.
for (const format of ['idn-email', 'iri-reference']) ajv.addFormat(format, true);
for (const part of ['spdx', 'jsf-0.82'])
  ajv.addSchema({ ...schema(part), $id: `http://cyclonedx.org/schema/${part}.SNAPSHOT.schema.json` });
const validate = ajv.compile(schema('bom-1.5'));

const subject = { name: 'risk', version: 'a'.repeat(40), at: '2026-11-01T10:00:00.000Z', tool: '0.1.0' };
/** What GitLab writes down for each package manager: https://docs.gitlab.com/development/sec/cyclonedx_property_taxonomy/ */
const managers = ['pip', 'poetry', 'uv', 'renv', 'cran'];

interface Bill {
  readonly components: readonly {
    readonly name: string;
    readonly version?: string;
    readonly purl: string;
    readonly hashes?: readonly object[];
  }[];
  readonly metadata: { readonly properties: readonly { readonly name: string; readonly value: string }[] };
}
function billOf(path: string, text: string): Bill {
  const lock = readLockFile(path, text);
  const bill = JSON.parse(JSON.stringify(cycloneDx(lock as LockFile, subject))) as Bill;
  expect(validate(bill), JSON.stringify(validate.errors)).toBe(true);
  const properties = Object.fromEntries(bill.metadata.properties.map(({ name, value }) => [name, value]));
  expect(Object.keys(properties).sort()).toEqual([
    'gitlab:dependency_scanning:input_file:path',
    'gitlab:dependency_scanning:package_manager:name',
    'gitlab:meta:schema_version',
  ]);
  expect(properties['gitlab:meta:schema_version']).toBe('1');
  expect(properties['gitlab:dependency_scanning:input_file:path']).toBe(path);
  expect(managers).toContain(properties['gitlab:dependency_scanning:package_manager:name']);
  return bill;
}
const hash = 'b'.repeat(64);

test('the schema refuses what is no bill, so that accepting one says something', () => {
  expect(validate({ bomFormat: 'CycloneDX', specVersion: '1.5', version: 1, components: [{ type: 'library' }] })).toBe(false);
});

test.each([
  [
    'requirements.txt',
    `numpy==1.26.4 --hash=sha256:${hash}\nRequests>=2\n-r other.txt\nscikit_learn==1.5.0 ; python_version > "3.8"\n`,
  ],
  ['poetry.lock', `[[package]]\nname = "numpy"\nversion = "1.26.4"\nfiles = [{file = "n.whl", hash = "sha256:${hash}"}]\n`],
  [
    'uv.lock',
    `version = 1\n[[package]]\nname = "risk"\nversion = "0.1"\nsource = { virtual = "." }\n[[package]]\nname = "numpy"\nversion = "1.26.4"\nwheels = [{ url = "x", hash = "sha256:${hash}" }]\n`,
  ],
  ['renv.lock', '{"R": {"Version": "4.2.2"}, "Packages": {"numpy": {"Package": "numpy", "Version": "1.26.4"}}}'],
])('%s', (path, text) => {
  const { components } = billOf(path, text);
  const numpy = components.find(({ name }) => name === 'numpy');
  expect(numpy).toMatchObject({ version: '1.26.4', purl: expect.stringMatching(/^pkg:(pypi|cran)\/numpy@1\.26\.4$/) });
  expect(numpy?.hashes ?? [{ alg: 'SHA-256', content: hash }]).toEqual([{ alg: 'SHA-256', content: hash }]);
  expect(components.map(({ name }) => name)).not.toContain('risk');
  const open = components.find(({ name }) => name === 'requests');
  if (path === 'requirements.txt') expect(open).toMatchObject({ purl: 'pkg:pypi/requests' });
  expect(open?.version).toBeUndefined();
});

test('DESCRIPTION has names and no versions; an empty lock is a valid bill of nothing', () => {
  const { components } = billOf('DESCRIPTION', 'Package: risk\nImports: data.table (>= 1.14), stats\n');
  expect(components.find(({ name }) => name === 'data.table')).not.toHaveProperty('version');
  expect(billOf('requirements.txt', '').components).toEqual([]);
});

test('whatever a lock file holds, the bill is valid', () => {
  const word = fc.string({ maxLength: 30, unit: 'grapheme' });
  const line = fc.tuple(word, fc.constantFrom('==', '>=', ' ', '@', '==='), word).map((parts) => parts.join(''));
  fc.assert(
    fc.property(fc.array(line, { maxLength: 8 }), fc.array(fc.tuple(word, word), { maxLength: 5 }), (lines, packages) => {
      billOf('requirements.txt', lines.join('\n'));
      billOf('renv.lock', JSON.stringify({ Packages: packages.map(([Package, Version]) => ({ Package, Version })) }));
      const toml = packages.map(
        ([name, version]) => `[[package]]\nname = ${JSON.stringify(name)}\nversion = ${JSON.stringify(version)}\n`,
      );
      billOf('uv.lock', toml.join(''));
    }),
    { numRuns: 150 },
  );
});
