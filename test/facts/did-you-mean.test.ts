import { expect, test } from 'vitest';
import { didYouMean } from '../../src/facts/did-you-mean.ts';

const hooks = ['setup', 'train', 'predict', 'features', 'serve', 'params', 'env'];

test.each([
  ['trian', 'train'],
  ['predicts', 'predict'],
  ['feature', 'features'],
  ['evn', 'env'],
])('%s is meant for %s', (found, meant) => expect(didYouMean(found, hooks)).toBe(meant));

test.each(['timeout', 'image', 'x'])('%s resembles none of them', (found) => expect(didYouMean(found, hooks)).toBeUndefined());

test('there is nothing to guess among no candidates', () => expect(didYouMean('train', [])).toBeUndefined());
