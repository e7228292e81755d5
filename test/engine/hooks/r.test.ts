import { spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { hooksOfMlproject } from '../../../src/facts/mlproject.ts';
import { type FileMap, makeRepo } from '../../helpers/repo.ts';
import { openHooks, predictRequest, pythonRepo, settings, trainRequest } from './models.ts';

const hasR = spawnSync('Rscript', ['--version']).status === 0;

/** A forecast repo in the shape of public ones: base R, positional arguments, a YAML configuration. */
const files: FileMap = {
  'data/train.csv': pythonRepo['data/train.csv'] ?? '',
  'data/eval.csv': pythonRepo['data/eval.csv'] ?? '',
  MLproject: `name: mean_by_state
docker_env: {image: example/r}
user_options:
  weight: {type: number, default: 2}
entry_points:
  train:
    parameters: {train_data: path, model: str, model_config: path}
    command: "Rscript train.R {train_data} {model} {model_config}"
  predict:
    parameters: {historic_data: path, future_data: path, model: str, out_file: path}
    command: "Rscript predict.R {model} {historic_data} {future_data} {out_file}"
`,
  'train.R': `args <- commandArgs(trailingOnly = TRUE)
rows <- read.csv(args[1])
weight <- as.numeric(sub('.*"weight":([0-9]+).*', '\\\\1', readLines(args[3], warn = FALSE)))
message("weight ", weight)
saveRDS(tapply(rows$late, rows$state, mean), args[2])
`,
  'predict.R': `args <- commandArgs(trailingOnly = TRUE)
model <- readRDS(args[1])
stopifnot("late" %in% names(read.csv(args[2])))
future <- read.csv(args[3])
stopifnot(!"late" %in% names(future))
write.csv(data.frame(id = future$id, prediction = model[future$state]), args[4], row.names = FALSE)
`,
};

describe.skipIf(!hasR)('a repo in R (needs Rscript)', () => {
  test('whose MLproject supplies the hooks runs to the end', async () => {
    const root = makeRepo(files, { git: false });
    const { hooks, task } = hooksOfMlproject(String(files.MLproject), 'MLproject');
    const opened = await openHooks(root, settings(hooks, { task }));
    expect(await opened.hooks.predict(predictRequest)).toMatchObject({ rows: 30, column: 'score', notFinite: 0, refused: 0 });
    expect(opened.log).toEqual(['weight 2']);
  });

  test('that fails is told with R’s own words', async () => {
    const root = makeRepo({ ...files, 'train.R': 'library(nothing.like.it)' }, { git: false });
    const opened = await openHooks(
      root,
      settings({ train: 'Rscript train.R {data} {model}', predict: 'Rscript predict.R {model} {in} {out}' }),
    );
    await expect(opened.hooks.train(trainRequest)).rejects.toMatchObject({
      code: 'HOOK_FAILED',
      message: expect.stringContaining('nothing.like.it'),
      hint: expect.stringContaining('A package is missing'),
    });
  });
});
