/**
 * Rule packs: folders of the repo with a `suite.yml` and one YAML rule per file, in the form of our own `rules/structure`.
 * Data only: a pack holds no code, and what is not listed in its suite is refused, for nobody would miss a rule that never ran.
 */
import { basename } from 'node:path/posix';
import { ownSchema } from '../facts/own-schema.ts';
import { messagesOf } from '../facts/schema-messages.ts';
import { parseYaml, type YamlDocument } from '../facts/yaml.ts';
import type { AnyCheck } from '../kernel/check.ts';
import { type Place, UsageError } from '../kernel/failure.ts';
import schema from '../kernel/pack.schema.json' with { type: 'json' };
import type { KindRegistry } from '../kernel/rule-kind.ts';
import type { Suite, SuiteEntry, SuiteSection } from '../kernel/suite.ts';
import type { Files } from '../kernel/world.ts';
import { ruleCheck } from './rules.ts';

const suiteFile = 'suite.yml';
const rulePath = /\.ya?ml$/;
const idOf = (path: string): string => basename(path).replace(rulePath, '');

interface PackSuite {
  readonly sections: readonly {
    readonly id: string;
    readonly title?: string;
    readonly checks: readonly (SuiteEntry & { readonly check: string })[];
  }[];
}

interface Rule {
  readonly data: unknown;
  readonly place: Place;
}

export interface Packs {
  /** The suite with what the packs add. */
  readonly suite: Suite;
  /** The ids that come from packs. */
  readonly ids: readonly string[];
  /** The check of a rule of a pack; null when no pack has it. Throws UsageError `RULE_INVALID`. */
  load(id: string, kinds: KindRegistry): Promise<AnyCheck | null>;
}

type Refuse = (message: string, hint: string, place?: Place) => UsageError;

const refuse: Refuse = (message, hint, place) => new UsageError('PACK_INVALID', message, { hint, place });

/** The pack's folder as it stands in paths of files. */
function folderOf(pack: string, place: Place | undefined): string {
  const folder = pack.replace(/^(\.\/+)+/, '').replace(/\/+$/, '');
  if (folder === '' || folder === '.' || /^[a-z][a-z0-9+.-]*:|^\/|^~|(^|\/)\.\.(\/|$)|\\/i.test(folder))
    throw refuse(
      `structure.packs names ${pack}, expected a folder inside the repo`,
      'Commit the rules, or bring them in as a Git submodule.',
      place,
    );
  return folder;
}

async function documentOf(files: Files, path: string): Promise<YamlDocument> {
  const text = await files.text(path);
  if (text === null) throw refuse(`${path} cannot be read as text`, 'Put a regular UTF-8 file there.', { path });
  return parseYaml(text, path);
}

const validator = ownSchema(schema, { allErrors: true, useDefaults: true, verbose: true, strict: false });

function suiteOf(document: YamlDocument, path: string): PackSuite {
  const value = structuredClone(document.value);
  const validate = validator();
  if (validate(value)) return value as unknown as PackSuite;
  const [first] = messagesOf(validate.errors ?? [], path);
  const nearest = first?.path.map((_, i) => document.place(first.path.slice(0, first.path.length - i))).find(Boolean);
  throw refuse(`${path}: ${first?.message}`, first?.hint ?? 'Mend it.', nearest ?? { path, line: 1 });
}

/** Adds the sections of a pack: checks to a section that is there, or a new one behind the others. */
function extend(suite: Suite, added: PackSuite, path: string): Suite {
  const checksOf = (id: string): readonly SuiteEntry[] =>
    added.sections.filter((each) => each.id === id).flatMap((each) => each.checks);
  const isKnown = (id: string): boolean => suite.sections.some((each) => each.id === id);
  const fresh = [...new Set(added.sections.map(({ id }) => id).filter((id) => !isKnown(id)))].map((id): SuiteSection => {
    const title = added.sections.find((each) => each.id === id && each.title !== undefined)?.title;
    if (title === undefined)
      throw refuse(
        `${path}: the new section ${id} has no title`,
        `Add one, or use a section that is there: ${suite.sections.map((each) => each.id).join(', ')}.`,
        { path },
      );
    return { id, title, checks: checksOf(id) };
  });
  const extended = suite.sections.map((each) => ({ ...each, checks: [...each.checks, ...checksOf(each.id)] }));
  return { ...suite, sections: [...extended, ...fresh] };
}

/** Reads the packs that a manifest names. Throws UsageError `PACK_INVALID` or `YAML_*` with the place of what is wrong. */
export async function readPacks(
  base: Suite,
  packs: readonly string[],
  options: {
    readonly files: Files;
    /** Ids of the checks of other suites. */
    readonly reserved: readonly string[];
    readonly place: (index: number) => Place | undefined;
  },
): Promise<Packs> {
  const { files, reserved } = options;
  const rules = new Map<string, Rule>();
  const ours = [...base.sections.flatMap(({ checks }) => checks.map(({ check }) => check)), ...reserved];
  const taken = new Map<string, string>(ours.map((id) => [id, 'Flightcheck itself']));
  let suite = base;
  for (const [index, pack] of packs.entries()) {
    const folder = folderOf(pack, options.place(index));
    const path = `${folder}/${suiteFile}`;
    if (!files.has(path))
      throw refuse(
        `structure.packs names ${pack}, where there is no ${suiteFile}`,
        'It lists the rules: `sections: [{ id: ours, title: Our rules, checks: [{ check: my-rule, severity: minor }] }]`.',
        options.place(index),
      );
    const document = await documentOf(files, path);
    const added = suiteOf(document, path);
    const found = files.all.map((file) => file.path).filter((each) => each.startsWith(`${folder}/`) && rulePath.test(each));
    const own = new Map(found.filter((each) => each !== path).map((each) => [idOf(each), each] as const));
    for (const [at, section] of added.sections.entries())
      for (const [nth, { check }] of section.checks.entries()) {
        const place = document.place(['sections', at, 'checks', nth]) ?? { path };
        const from = taken.get(check);
        if (from !== undefined) throw refuse(`${check} is already a check of ${from}`, 'Give it another id.', place);
        const file = own.get(check);
        if (file === undefined)
          throw refuse(`${path} lists ${check}, but there is no ${folder}/${check}.yml`, 'Write it, or mend the id.', place);
        taken.set(check, path);
        own.delete(check);
        const { value } = await documentOf(files, file);
        rules.set(check, { data: value, place: { path: file, line: 1 } });
      }
    const [left] = own.values();
    if (left !== undefined)
      throw refuse(`${left} is listed in no section of ${path}`, 'List it there, or remove it.', { path: left });
    suite = extend(suite, added, path);
  }
  return {
    suite,
    ids: [...rules.keys()],
    async load(id, kinds) {
      const rule = rules.get(id);
      return rule ? ruleCheck(id, rule.data, kinds, rule.place) : null;
    },
  };
}
