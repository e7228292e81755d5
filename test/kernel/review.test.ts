import { expect, test } from 'vitest';
import { approversOf, reviewedBy } from '../../src/kernel/review.ts';
import type { Review } from '../../src/kernel/world.ts';

const review = (...approvedBy: readonly string[]): Review => ({
  ...{ iid: 3, author: 'bob', approvedBy, mergedBy: null, mergedAt: null, targetBranch: 'main' },
});

test('a review is made by another person: not by the author, by whatever spelling, nor by a token', () => {
  expect(approversOf(review('Bob', '@bob', 'project_7_bot_1f', 'group_12_bot', '', 'ann'), ['@Ann'])).toEqual([]);
  expect(approversOf(review('carol', 'project_bot_fan'))).toEqual(['carol', 'project_bot_fan']);
  expect(reviewedBy([review('project_7_bot_1f')], 'main')).toEqual({
    ok: false,
    why: 'came through !3, which only a token approved',
  });
});
