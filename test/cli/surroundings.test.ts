/** What CI says about a run. */
import { expect, it } from 'vitest';
import { runOf, sourceOf } from '../../src/cli/surroundings.ts';

const id = '8277BA64-8e68-40a8-a375-b2c53fa68f1e';

it('names the alert that started the pipeline, and nothing that is none', () => {
  expect(runOf({ CI: 'true', CI_PIPELINE_SOURCE: 'api', FLIGHTCHECK_ALERT_ID: id })).toMatchObject({
    trigger: 'api',
    alert: id.toLowerCase(),
  });
  for (const other of ['', '$FLIGHTCHECK_ALERT_ID', `${id}x`, 'x'.repeat(5000)])
    expect(runOf({ FLIGHTCHECK_ALERT_ID: other })).not.toHaveProperty('alert');
});

it('names the commit of an image that holds no repository, and nothing that is none', () => {
  const git = { head: null, branch: null, isShallow: false };
  const commit = 'a'.repeat(40);
  expect(sourceOf({ GIT_COMMIT: commit }, git).commit).toBe(commit);
  expect(sourceOf({ GIT_COMMIT: 'main' }, git).commit).toBeNull();
  expect(sourceOf({ GIT_COMMIT: commit, CI_COMMIT_SHA: 'b'.repeat(40) }, git).commit).toBe('b'.repeat(40));
  expect(sourceOf({ GIT_COMMIT: commit }, { ...git, head: 'c'.repeat(40) }).commit).toBe('c'.repeat(40));
});
