/** The pipeline of a repo, for rules. */
import { type CiConfiguration, readCiConfiguration } from '../../../src/facts/ci/configuration.ts';
import { FlightcheckError } from '../../../src/kernel/failure.ts';
import type { Files } from '../../../src/kernel/world.ts';

/** Null when there is no pipeline, or one that cannot be read (which the rule ci-includes-flightcheck reports). */
export async function pipelineOf(files: Files): Promise<CiConfiguration | null> {
  const text = await files.text('.gitlab-ci.yml');
  if (text === null) return null;
  try {
    return readCiConfiguration(text, '.gitlab-ci.yml');
  } catch (error) {
    if (error instanceof FlightcheckError) return null;
    throw error;
  }
}
