/** Where a deployment looks for the images of its tasks. */
import { openRegistry } from '../../adapters/registry/registry.ts';
import type { ImageStore } from '../../delivery/deploy/images.ts';
import { FlightcheckError } from '../../kernel/failure.ts';
import { parseImage } from '../../kernel/image.ts';
import type { Context } from '../command.ts';
import { credentialsOf } from './build-inputs.ts';

/** A look at a name; a registry that this runner cannot reach must not hold a deployment up for minutes. */
const patience = { timeoutSeconds: 15, pauseSeconds: 0.5 };

export function taskImages(context: Context): ImageStore {
  const registry = openRegistry({ ...patience, credentials: credentialsOf(context, null), signal: context.signal });
  return {
    async has(name) {
      const image = parseImage(name);
      if (image === null || image.digest === null) return { unknown: 'it is not named by digest' };
      try {
        return (await registry.manifest(image, image.digest)) !== null;
      } catch (error) {
        if (!(error instanceof FlightcheckError) || error.code === 'REGISTRY_ALTERED') throw error;
        return { unknown: error.message };
      }
    },
  };
}
