import { describe, expect, it } from 'vitest';
import { explainManifest, loadManifest, requireManifest } from '../../../src/engine/manifest/load.ts';
import { UsageError } from '../../../src/kernel/failure.ts';

const load = (files: Record<string, string>, overrides: { key: string; value: string; words: string }[] = []) =>
  loadManifest({ read: async (path) => files[path] ?? null, overrides });
const one = async (text: string) => {
  const { problems } = await load({ 'flightcheck.yml': text });
  expect(problems).toHaveLength(1);
  return problems[0];
};
const good = 'version: 1\nmodel:\n  name: late-risk\n  owner: "@team"\n';

describe('loadManifest', () => {
  it('fills in every default from four lines', async () => {
    const manifest = requireManifest(await load({ 'flightcheck.yml': good }));
    expect(manifest.columns).toEqual({ id: 'id', slices: [], protected: [], features: 'auto' });
    expect(manifest.budget.trains).toBe(40);
    expect(manifest.gate.mode).toBe('advisory');
    expect(manifest.waivers).toEqual([]);
  });

  it('says what to write when there is none', async () => {
    const { exists, problems } = await load({});
    expect(exists).toBe(false);
    expect(problems[0]).toMatchObject({ code: 'MANIFEST_MISSING', place: { path: 'flightcheck.yml' } });
    expect(problems[0]?.hint).toContain('version: 1');
  });

  it('knows that a manifest which cannot be read is there: a gate that nobody can read may not open', async () => {
    const { exists, problems, value } = await loadManifest({
      read: async (path) => {
        throw new UsageError('NOT_UTF8', `${path} is not UTF-8 text`, { hint: 'Save it as UTF-8.', place: { path } });
      },
    });
    expect({ exists, value }).toEqual({ exists: true, value: null });
    expect(problems).toMatchObject([{ code: 'NOT_UTF8' }]);
  });

  it('guesses a misspelt key and points at it', async () => {
    expect(await one(`${good}colums:\n  id: key\n`)).toEqual({
      code: 'MANIFEST_INVALID',
      message: 'unknown key "colums"',
      hint: 'Did you mean columns?',
      place: { path: 'flightcheck.yml', line: 5, column: 1 },
    });
  });

  it.each([
    ['a nested unknown key', `${good}columns:\n  labl: y\n`, 6, /unknown key "labl" in columns/, /label/],
    ['a wrong word of a list', `${good}task: binray\n`, 5, /task is "binray", expected one of/, /Did you mean binary/],
    ['a wrong type', `${good}budget:\n  trains: many\n`, 6, /budget.trains is "many", expected integer/, /Trainings/],
    ['a name that is no DNS label', good.replace('late-risk', 'Late Risk'), 3, /model.name is "Late Risk"/, /DNS-1123/],
    ['a missing owner', 'version: 1\nmodel: { name: a }\n', 2, /model.owner is missing/, /Add it/],
    ['features of a wrong kind', `${good}columns:\n  features: 3\n`, 6, /columns.features is 3/, /auto/],
    ['a newer version', good.replace('version: 1', 'version: 2'), 1, /version 2, this Flightcheck reads version 1/, /newer/],
    ['a version that is text', good.replace('version: 1', 'version: "1"'), 1, /version is "1", expected 1$/, /Write 1/],
    ['a list instead of a map', '- 1\n', 1, /not a map/, /version: 1/],
    ['an empty file', '', 1, /is empty/, /version: 1/],
  ])('refuses %s with its line', async (_what, text, line, message, hint) => {
    const problem = await one(text);
    expect(problem?.place?.line).toBe(line);
    expect(problem?.message).toMatch(message);
    expect(problem?.hint).toMatch(hint);
  });

  it('layers defaults of the organisation, the manifest, the environment and flags, and knows the origins', async () => {
    const loaded = await load(
      {
        'flightcheck.yml': `${good}extends: org.yml\ngate: { min-score: 1 }\n`,
        'org.yml': 'gate:\n  mode: blocking\n  min-score: 3\n  min-structure: 0.5\n',
      },
      [{ key: 'gate.min-structure', value: '0.9', words: 'FLIGHTCHECK_MIN_STRUCTURE' }],
    );
    expect(loaded.value?.gate).toMatchObject({ mode: 'blocking', 'min-score': 1, 'min-structure': 0.9, 'max-severity': 'major' });
    const origins = Object.fromEntries(explainManifest(loaded).map((row) => [row.key, row.origin]));
    expect(origins).toMatchObject({
      'gate.mode': 'org.yml:2',
      'gate.min-score': 'flightcheck.yml:6',
      'gate.min-structure': 'FLIGHTCHECK_MIN_STRUCTURE',
      'gate.max-severity': 'default',
      'model.tier': 'default',
      'hooks.env': 'default',
    });
  });

  it('refuses a wrong value from a variable and names the variable', async () => {
    const { problems } = await load({ 'flightcheck.yml': good }, [
      { key: 'gate.min-score', value: '9', words: 'FLIGHTCHECK_MIN_SCORE' },
    ]);
    expect(problems[0]?.message).toContain('FLIGHTCHECK_MIN_SCORE');
  });

  it('refuses defaults from elsewhere and defaults that do not exist', async () => {
    expect((await one(`${good}extends: https://example.com/org.yml\n`))?.code).toBe('EXTENDS_REMOTE');
    expect((await one(`${good}extends: nowhere.yml\n`))?.code).toBe('EXTENDS_MISSING');
  });

  it('reads the hooks of an MLproject when the manifest has none', async () => {
    const mlproject = [
      'name: m',
      'entry_points:',
      '  train:',
      '    parameters: {train_data: str, model: str}',
      '    command: "python train.py {train_data} {model}"',
      '  predict:',
      '    parameters: {model: str, historic_data: str, future_data: str, out_file: str}',
      '    command: "python predict.py {model} {historic_data} {future_data} {out_file}"',
    ].join('\n');
    const loaded = await load({ 'flightcheck.yml': good, MLproject: mlproject });
    expect(loaded.value?.hooks.train).toBe('python train.py {data} {model}');
    expect(loaded.value?.hooks.predict).toBe('python predict.py {model} {historic} {future} {out}');
    expect(loaded.origin(['hooks', 'train']).words).toBe('MLproject:5');
  });

  it('keeps the hooks of the manifest when it has some', async () => {
    const files = { 'flightcheck.yml': `${good}hooks: { train: "sh t.sh {data} {model}" }\n`, MLproject: 'not: [valid' };
    expect((await load(files)).value?.hooks.train).toBe('sh t.sh {data} {model}');
  });
});
