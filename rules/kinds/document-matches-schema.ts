import { Ajv2020, type ErrorObject } from 'ajv/dist/2020.js';
import { RE2JS } from 're2js';
import { parseToml } from '../../src/facts/toml.ts';
import { parseYaml } from '../../src/facts/yaml.ts';
import { type Finding, judge, notApplicable } from '../../src/kernel/check.ts';
import { type Place, toFailure } from '../../src/kernel/failure.ts';
import { defineKind } from '../../src/kernel/rule-kind.ts';
import { anyOf, capped } from './lib/findings.ts';

interface Document {
  readonly value: unknown;
  place(path: readonly (string | number)[]): Place | undefined;
}

/** Patterns of a schema come from a rule pack: linear time here too. */
const regExp = Object.assign(
  (pattern: string) => {
    const regex = RE2JS.compile(pattern);
    // ajv keeps one matcher for each text of a pattern.
    return { test: (text: string): boolean => regex.matcher(text).find(), toString: () => pattern };
  },
  { code: 'new RegExp' },
);

function compileSchema(schema: string) {
  const ajv = new Ajv2020({ allErrors: true, strict: false, verbose: true, validateFormats: false, code: { regExp } });
  return ajv.compile(parseYaml(schema, 'schema', { maxLength: 64 * 1024 }).value as object);
}

/** JSON is read as the YAML that it is, so that its places are known. Throws a UsageError with its place. */
function parseDocument(path: string, text: string): Document {
  if (!path.endsWith('.toml')) return parseYaml(text, path, { maxLength: 2 ** 20 });
  const parsed = parseToml(text);
  if (parsed.ok) return { value: parsed.value, place: () => undefined };
  throw new SyntaxError(`line ${parsed.line}: ${parsed.message}`);
}

const keysOf = (error: ErrorObject): (string | number)[] =>
  error.instancePath
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    .map((part) => (/^\d+$/.test(part) ? Number(part) : part));

function findingOf(path: string, document: Document, error: ErrorObject): Finding {
  const keys = keysOf(error);
  const where = keys.length > 0 ? `${keys.join('.')} ` : 'the document ';
  const extra = error.keyword === 'additionalProperties' ? ` (${String(error.params.additionalProperty)})` : '';
  return {
    message: `${path}: ${where}${error.message ?? 'is not as the schema says'}${extra}`,
    place: document.place(keys) ?? { path },
  };
}

export default defineKind({
  summary: 'YAML, JSON or TOML documents are as a JSON Schema says.',
  inputs: {
    files: { type: 'array', description: 'Globs of .yml, .yaml, .json and .toml files.' },
    except: { type: 'array', description: 'Globs of files that are not read.', default: [] },
    schema: { type: 'string', description: 'JSON Schema (2020-12), written as YAML or JSON.' },
  },
  needs: ['files'],
  problems({ schema }) {
    try {
      compileSchema(schema);
      return [];
    } catch (error) {
      return [`schema cannot be used: ${toFailure(error).message}`];
    }
  },
  async run({ files }, { files: globs, except, schema }) {
    const excluded = new Set(files.glob(except));
    const paths = files.glob(globs).filter((path) => !excluded.has(path));
    if (paths.length === 0) return notApplicable(`the repo has no ${anyOf(globs)}`);
    const validate = compileSchema(schema);
    const findings: Finding[] = [];
    for (const path of paths) {
      const text = await files.text(path);
      if (text === null) continue;
      try {
        const document = parseDocument(path, text);
        if (!validate(document.value)) findings.push(...(validate.errors ?? []).map((error) => findingOf(path, document, error)));
      } catch (error) {
        const { message, place } = toFailure(error);
        findings.push({ message: `${path} cannot be read: ${message}`, place: place ?? { path } });
      }
    }
    return judge(capped(findings));
  },
});
