import { describe, expect, test } from 'vitest';
import { hooksOfMlproject } from '../../src/facts/mlproject.ts';
import { UsageError } from '../../src/kernel/failure.ts';

const read = (text: string, map = {}) => hooksOfMlproject(text, 'MLproject', map);

/** The shape that forecasting repos in Python and R share. */
const forecast = `name: lag_model
docker_env:
  image: example/r:latest
user_options:
  n_lags: {type: integer, default: 3}
  precision: {type: number}
entry_points:
  train:
    parameters: {train_data: path, model: str, model_config: path}
    command: "Rscript train.R {train_data} {model} {model_config}"
  predict:
    parameters:
      historic_data: path
      future_data: path
      model: str
      out_file: path
    command: "Rscript predict.R {model} {historic_data} {future_data} {out_file}"
`;

describe('MLproject', () => {
  test('forecast repos are recognised without a mapping', () => {
    const found = read(forecast);
    expect(found.hooks).toEqual({
      train: 'Rscript train.R {data} {model} {params}',
      predict: 'Rscript predict.R {model} {historic} {future} {out}',
      params: { user_option_values: { n_lags: 3 }, additional_continuous_covariates: [] },
    });
    expect(found.task).toBe('forecast');
    expect(found.place(['hooks', 'predict'])).toMatchObject({ path: 'MLproject', line: 17 });
  });

  test('parameters keep their defaults, as one word each', () => {
    const { hooks } = read(`entry_points:
  main:
    parameters:
      data_path: path
      output_model: path
      alpha: {type: float, default: 0.5}
      note: {type: string, default: "it's {data} $(id)"}
      source: {type: uri, default: "https://example.com/x.csv"}
      seed: {type: int, default: 42}
    command: "python train.py {data_path} {output_model} -a {alpha} --note {note} --source {source} --seed {seed}"
`);
    expect(hooks.train).toBe(
      `python train.py {data} {model} -a 0.5 --note 'it'\\''s {{data}} $(id)' --source https://example.com/x.csv --seed {seed}`,
    );
  });

  test('a command folded over lines is one command', () => {
    const { hooks } = read(`entry_points:
  predict:
    command: python main.py predict {model}
      {test_data}
      {predictions}
`);
    expect(hooks.predict).toBe('python main.py predict {model} {in} {out}');
  });

  test('hooks.map outranks the conventions, and what is unknown stays to be refused', () => {
    const text = 'entry_points: {train: {command: "python t.py {epi_fn} {model_fn} {polygons}"}}';
    expect(read(text, { epi_fn: 'data' }).hooks.train).toBe('python t.py {data} {model} {polygons}');
  });

  test('a main that keeps no model is not a training', () => {
    expect(read('entry_points: {main: {command: "python main.py"}}').hooks).toEqual({});
    expect(read('name: nothing').hooks).toEqual({});
  });

  test('of equal keys the last one counts, as for MLflow', () => {
    const found = read(
      'target: a\ntarget: b\nentry_points:\n  train: {command: "old {model}"}\n  train: {command: "new {model}"}\n',
    );
    expect(found.hooks.train).toBe('new {model}');
    expect(found.place(['hooks', 'train'])).toMatchObject({ line: 5 });
  });

  test('operators stay as they are, for the one who runs the command to refuse', () => {
    const text = 'entry_points: {train: {command: "python t.py {train_data} {model} && rm -rf x"}}';
    expect(read(text).hooks.train).toBe('python t.py {data} {model} && rm -rf x');
  });

  test.each([
    ['entry_points: [train]', 'MLPROJECT_INVALID'],
    ['entry_points: {train: {parameters: {}}}', 'MLPROJECT_INVALID'],
    ['entry_points: {train: {command: [a]}}', 'MLPROJECT_INVALID'],
    ['entry_points:\n\ttrain: x', 'YAML_INVALID'],
  ])('is refused with its place: %s', (text, code) => {
    const attempt = () => read(text);
    expect(attempt).toThrow(UsageError);
    expect(attempt).toThrow(expect.objectContaining({ code, place: expect.objectContaining({ path: 'MLproject' }) }));
  });

  test('names of prototypes are nobody', () => {
    expect(read('entry_points: {constructor: {command: x}, train: {command: "t {toString} {__proto__}"}}').hooks.train).toBe(
      't {toString} {__proto__}',
    );
  });
});
