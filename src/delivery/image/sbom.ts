/**
 * What is in the image, from the lock files: CycloneDX 1.5 (https://cyclonedx.org/docs/1.5/json/) with the properties that
 * GitLab's dependency scanning reads. An unpinned dependency has no version: none is invented.
 */
import { createHash } from 'node:crypto';
import { isMap } from '../../facts/is-map.ts';
import { rDependencies } from '../../facts/r-project.ts';
import { normalName, parseRequirements } from '../../facts/requirements.ts';
import { parseToml } from '../../facts/toml.ts';

export interface Package {
  readonly ecosystem: 'pypi' | 'cran';
  readonly name: string;
  /** Null when nothing pins it. */
  readonly version: string | null;
  /** SHA-256, hex; empty when the lock file has none. */
  readonly sha256: readonly string[];
}

export interface LockFile {
  readonly path: string;
  readonly manager: 'pip' | 'poetry' | 'uv' | 'renv' | 'cran';
  readonly packages: readonly Package[];
}

const texts = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.filter((each) => typeof each === 'string') : [];

const hex = /^sha256:([0-9a-f]{64})$/;
const hashesOf = (values: readonly string[]): readonly string[] => values.flatMap((value) => hex.exec(value)?.[1] ?? []);

function fromRequirements(text: string): readonly Package[] {
  // A hash stands on the line of its package or on the lines that continue it.
  const logical = text.replaceAll(/\\\r?\n/g, ' ').split(/\r?\n/);
  return parseRequirements(text).map(({ name, version, isPinned }) => {
    const line = logical.find((each) => normalName(each.split(/[\s=<>!~;[@]/)[0] ?? '') === name) ?? '';
    return {
      ecosystem: 'pypi',
      name,
      version: isPinned ? version.replace(/^=+/, '') : null,
      sha256: hashesOf([...line.matchAll(/--hash=(sha256:[0-9a-f]{64})/g)].map((match) => match[1] ?? '')),
    };
  });
}

/** `[[package]]` of poetry.lock and uv.lock; the project itself, which uv lists too, is left out. */
function fromTomlLock(text: string): readonly Package[] {
  const parsed = parseToml(text);
  const packages = parsed.ok && isMap(parsed.value) && Array.isArray(parsed.value.package) ? parsed.value.package : [];
  return packages.filter(isMap).flatMap((each): Package[] => {
    const isLocal = isMap(each.source) && ('virtual' in each.source || 'editable' in each.source);
    if (typeof each.name !== 'string' || typeof each.version !== 'string' || isLocal) return [];
    const files = [
      ...(Array.isArray(each.files) ? each.files : []),
      ...(Array.isArray(each.wheels) ? each.wheels : []),
      each.sdist,
    ];
    const sha256 = hashesOf(texts(files.filter(isMap).map((file) => file.hash)));
    return [{ ecosystem: 'pypi', name: normalName(each.name), version: each.version, sha256 }];
  });
}

function fromRenv(text: string): readonly Package[] {
  let lock: unknown;
  try {
    lock = JSON.parse(text);
  } catch {
    return [];
  }
  const packages = isMap(lock) && isMap(lock.Packages) ? Object.values(lock.Packages) : [];
  return packages
    .filter(isMap)
    .flatMap((each): Package[] =>
      typeof each.Package === 'string'
        ? [{ ecosystem: 'cran', name: each.Package, version: typeof each.Version === 'string' ? each.Version : null, sha256: [] }]
        : [],
    );
}

const fromDescription = (text: string): readonly Package[] =>
  rDependencies(text).map(({ name }) => ({ ecosystem: 'cran', name, version: null, sha256: [] }));

const readers: readonly (readonly [RegExp, LockFile['manager'], (text: string) => readonly Package[]])[] = [
  [/^uv\.lock$/, 'uv', fromTomlLock],
  [/^poetry\.lock$/, 'poetry', fromTomlLock],
  [/^requirements[\w.-]*\.txt$/, 'pip', fromRequirements],
  [/^renv\.lock$/, 'renv', fromRenv],
  [/^DESCRIPTION$/, 'cran', fromDescription],
];

/** What a file at the root of the repo pins; null when it is no file that pins anything. */
export function readLockFile(path: string, text: string): LockFile | null {
  const reader = readers.find(([pattern]) => pattern.test(path));
  return reader ? { path, manager: reader[1], packages: reader[2](text) } : null;
}

export interface Subject {
  readonly name: string;
  readonly version: string;
  /** RFC 3339: the commit's time, so that the same commit has the same bill. */
  readonly at: string;
  readonly tool: string;
}

const purl = ({ ecosystem, name, version }: Package): string =>
  `pkg:${ecosystem}/${encodeURIComponent(name)}${version === null ? '' : `@${encodeURIComponent(version)}`}`;

/** A UUID made of the content: the same bill has the same serial number. */
function serialOf(content: string): string {
  const digest = createHash('sha256').update(content).digest('hex');
  const variant = ((Number.parseInt(digest.charAt(16), 16) & 0x3) | 0x8).toString(16);
  return `urn:uuid:${digest.slice(0, 8)}-${digest.slice(8, 12)}-5${digest.slice(13, 16)}-${variant}${digest.slice(17, 20)}-${digest.slice(20, 32)}`;
}

/** One bill for one lock file, as GitLab wants it. */
export function cycloneDx({ path, manager, packages }: LockFile, subject: Subject): Readonly<Record<string, unknown>> {
  const unique = [...new Map(packages.map((each) => [purl(each), each])).entries()].sort(([a], [b]) => (a < b ? -1 : 1));
  const components = unique.map(([id, { name, version, sha256 }]) => ({
    type: 'library',
    'bom-ref': id,
    name,
    ...(version !== null && { version }),
    purl: id,
    // CycloneDX names the hashes of the component; a lock lists those of every file it comes in.
    ...(sha256.length === 1 && { hashes: [{ alg: 'SHA-256', content: sha256[0] }] }),
  }));
  const root = `pkg:generic/${encodeURIComponent(subject.name)}@${encodeURIComponent(subject.version)}`;
  const content = {
    metadata: {
      timestamp: subject.at,
      tools: { components: [{ type: 'application', name: 'flightcheck', version: subject.tool }] },
      component: { type: 'machine-learning-model', 'bom-ref': root, name: subject.name, version: subject.version },
      properties: [
        { name: 'gitlab:meta:schema_version', value: '1' },
        { name: 'gitlab:dependency_scanning:input_file:path', value: path },
        { name: 'gitlab:dependency_scanning:package_manager:name', value: manager },
      ],
    },
    components,
    dependencies: [{ ref: root, dependsOn: components.map((each) => each['bom-ref']) }],
  };
  return { bomFormat: 'CycloneDX', specVersion: '1.5', serialNumber: serialOf(JSON.stringify(content)), version: 1, ...content };
}
