/** `flightcheck build`: the model's container image, reproducible, tried and pushed. */
import { defineCommand } from '../command.ts';

export const command = defineCommand({
  name: 'build',
  summary: "Build the model's container image, list what is in it, try it and push it.",
  argument: { name: 'dir', description: 'Folder of the model repo. Default: here.' },
  options: ['output', 'image-repository', 'image-tag', 'builder', 'build-cache', 'promote'],
  flags: {
    push: { type: 'boolean', description: 'Push the image. Default: in CI.', default: false },
    dockerfile: { type: 'boolean', description: 'Print the Dockerfile that would be built; build nothing.', default: false },
  },
  examples: [
    { command: 'flightcheck build', meaning: 'Build and try it here; push nothing.' },
    { command: 'flightcheck build --dockerfile', meaning: 'The Dockerfile that is used when the repo has none.' },
    {
      command: 'flightcheck build --push --image-repository registry.example.com/team/model',
      meaning: 'Push it; the digest stands in .flightcheck/build.env.',
    },
    {
      command: 'flightcheck build --promote registry.example.com/team/model@sha256:... --image-tag prod',
      meaning: 'The same image under another tag; what had the tag is kept as prod-previous.',
    },
  ],
  async run(context, invocation) {
    const { build } = await import('../deploy/run-build.ts');
    return build(context, invocation);
  },
});
