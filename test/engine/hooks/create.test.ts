import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { openModel, predictRequest, trainRequest } from './models.ts';

describe('a run of hooks', () => {
  test('trains, predicts, and hands the label to nobody', async () => {
    const { hooks, log } = await openModel();
    const predictions = await hooks.predict(predictRequest);
    expect(predictions).toMatchObject({ rows: 30, column: 'score', notFinite: 0, refused: 0, isCached: false });
    const model = await hooks.train(trainRequest);
    expect(Object.keys(JSON.parse(readFileSync(model.output, 'utf8')))).toEqual(['nsw', 'vic', 'qld']);
    expect(log).toEqual(['trained with seed 1']);
    expect(hooks.summary()).toMatchObject({ executed: 2, cached: 0 });
  });
});
