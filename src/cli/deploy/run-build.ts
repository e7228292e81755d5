/** Wires a build: what the repo says, a builder that this runner allows, the registry. */
import { join } from 'node:path';
import { openOutputFolder, writeAtomically } from '../../adapters/output-folder.ts';
import { copyImage } from '../../adapters/registry/copy.ts';
import { openRegistry, type Registry } from '../../adapters/registry/registry.ts';
import {
  type BuildStep,
  buildImage,
  type ImageBuild,
  type StepLog,
  startSteps,
  untilFailure,
} from '../../delivery/image/build.ts';
import { lintDockerfile } from '../../delivery/image/lint.ts';
import { promoteImage } from '../../delivery/image/promote.ts';
import { cycloneDx } from '../../delivery/image/sbom.ts';
import { buildSuite } from '../../delivery/image/suite.ts';
import { exitCode, UsageError } from '../../kernel/failure.ts';
import { type Builder, type ImageReference, parseImage } from '../../kernel/image.ts';
import { imageOptions } from '../../kernel/options/image.ts';
import type { Context, Invocation } from '../command.ts';
import { finish } from '../finish.ts';
import { optionValue } from '../options.ts';
import { reportOf } from '../repo.ts';
import { triggerOf } from '../surroundings.ts';
import { type BuildInputs, credentialsOf, readBuildInputs, repositoryOf, requestOf, targetOf } from './build-inputs.ts';
import { chooseBuilder } from './choose-builder.ts';

/** `flightcheck build`. */
export async function build(context: Context, invocation: Invocation): Promise<number> {
  const inputs = await readBuildInputs(context, invocation);
  if (invocation.options.dockerfile === true) {
    context.print(inputs.dockerfile);
    return exitCode.fine;
  }
  const steps = startSteps(({ id, outcome, words, seconds }) =>
    (outcome === 'fail' ? context.log.warn : context.log.info)(`${id}: ${words} (${seconds.toFixed(1)} s)`),
  );
  const made = (await promoted(context, invocation, inputs, steps)) ?? (await built(context, invocation, inputs, steps));
  const { repo, manifest } = inputs;
  const report = reportOf(context, repo, 'build', [buildSuite(made, triggerOf(context.env))], {
    ...(made.image !== null && { image: made.image }),
  });
  const code = await finish(context, invocation, { root: repo.root, report, gate: manifest.gate, waivers: manifest.waivers });
  if (code !== exitCode.fine || made.isBuilt) return code;
  return made.failure?.exitCode ?? exitCode.gateSaysNo;
}

const digestsOf =
  (registry: Registry) =>
  async (image: ImageReference): Promise<string | null> =>
    (await registry.manifest(image, image.digest ?? image.tag ?? 'latest'))?.digest ?? null;

async function built(context: Context, invocation: Invocation, inputs: BuildInputs, steps: StepLog): Promise<ImageBuild> {
  const { manifest } = inputs;
  const request = await requestOf(context, inputs);
  const to = targetOf(context, invocation, manifest, request);
  const credentials = credentialsOf(context, to);
  const registry = openRegistry({ credentials, signal: context.signal });
  let builder: Builder | undefined;
  try {
    return await untilFailure(steps, async () => {
      const chosen = await steps.timed(
        'builder',
        () => chooseBuilder(context, manifest, registry, credentials, optionValue<string>(invocation, 'build-cache')),
        ({ words }) => ({ outcome: 'pass', words }),
      );
      builder = chosen.builder;
      steps.note(await writeBills(context, invocation, inputs));
      // append reads no Dockerfile.
      if (builder.name !== 'append') {
        const { step, holdsSecret } = lintDockerfile(
          inputs.dockerfile,
          inputs.isGenerated ? null : (manifest.image?.file ?? 'Dockerfile'),
        );
        steps.note(step);
        if (holdsSecret) return { isBuilt: false, image: null, digest: null, steps: steps.steps, failure: null };
      }
      const { smoke, reproducible } = manifest.image ?? {};
      return context.log.step(`Building with ${chosen.builder.name}`, () =>
        buildImage({
          ...{ builder: chosen.builder, request, to, steps },
          smoke: smoke ?? null,
          reproducible: reproducible ?? 'off',
          digestOf: digestsOf(registry),
        }),
      );
    });
  } finally {
    await builder?.close();
  }
}

/** The tag that a promotion gives; empty when none is said. Git allows names that no image can have. */
function tagOf(context: Context, invocation: Invocation): string {
  const tag = optionValue<string>(invocation, 'image-tag') || context.env.CI_COMMIT_TAG || '';
  if (!new RegExp(imageOptions['image-tag'].regex).test(tag))
    throw new UsageError('PROMOTE_TAG', `The Git tag ${tag} (CI_COMMIT_TAG) is no tag that an image can have`, {
      hint: 'Give --image-tag: at most 128 letters, digits, _, . and -, for example 1.2.0.',
    });
  return tag;
}

/** Where promotion takes the image from and puts it; null when this is a build. */
async function promotionOf(
  context: Context,
  invocation: Invocation,
  { repo, manifest }: BuildInputs,
): Promise<{ readonly from: ImageReference; readonly to: ImageReference; readonly isAsked: boolean } | null> {
  const named = optionValue<string>(invocation, 'promote');
  const repository = repositoryOf(context, manifest);
  if (named === '') {
    if (!context.env.CI_COMMIT_TAG || repository === null || repo.git.head === null) return null;
    const to = { ...repository, tag: tagOf(context, invocation), digest: null };
    return { from: { ...repository, tag: repo.git.head }, to, isAsked: false };
  }
  const from = parseImage(named);
  if (from === null)
    throw new UsageError('PROMOTE_REFERENCE', `${named} is no name of an image`, {
      hint: 'Write registry.example.com/group/model@sha256:... or :tag.',
    });
  const tag = tagOf(context, invocation);
  if (tag === '')
    throw new UsageError('PROMOTE_TAG', 'It is not said which tag the image gets', {
      hint: 'Give --image-tag, for example prod or 1.2.0.',
    });
  return { from, to: { ...(repository ?? from), tag, digest: null }, isAsked: true };
}

/** The image under its new tag; null when there is nothing to promote, so that one is built. */
async function promoted(
  context: Context,
  invocation: Invocation,
  inputs: BuildInputs,
  steps: StepLog,
): Promise<ImageBuild | null> {
  const promotion = await promotionOf(context, invocation, inputs);
  if (promotion === null) return null;
  const { from, to, isAsked } = promotion;
  const registry = openRegistry({ credentials: credentialsOf(context, to), signal: context.signal });
  const digestOf = digestsOf(registry);
  return untilFailure(steps, async () => {
    // A tag of a commit that no pipeline built: it is built now.
    if (!isAsked && (await digestOf(from)) === null) return null;
    return promoteImage({
      ...{ from, to, steps, digestOf },
      async copy(digest, source, target) {
        const manifest = await registry.manifest(source, digest);
        if (manifest === null)
          throw new UsageError('PROMOTE_NO_IMAGE', `${digest} was removed while it was promoted`, { hint: 'Build it again.' });
        await copyImage(registry, manifest, source, target);
      },
    });
  });
}

/** Bills of materials, one for each lock file, beside the reports. */
async function writeBills(context: Context, invocation: Invocation, { repo, manifest, locks }: BuildInputs): Promise<BuildStep> {
  const folder = await openOutputFolder(repo.root, optionValue<string>(invocation, 'output'));
  const [head] = await repo.git.commits(1);
  const subject = {
    name: manifest.model.name,
    version: head?.sha ?? '0',
    at: head?.at ?? new Date(0).toISOString(),
    tool: context.version,
  };
  for (const lock of locks) {
    const name = `build.${lock.path.replaceAll(/[^A-Za-z0-9.-]/g, '-')}.cdx.json`;
    await writeAtomically(join(folder, name), `${JSON.stringify(cycloneDx(lock, subject), null, 2)}\n`);
  }
  const packages = locks.flatMap((lock) => lock.packages);
  const open = packages.filter((each) => each.version === null).map((each) => each.name);
  const words = `${packages.length} packages in ${locks.length} lock files${open.length > 0 ? `; without a version: ${open.slice(0, 10).join(', ')}` : ''}`;
  return { id: 'sbom', outcome: 'pass', seconds: 0, words };
}
