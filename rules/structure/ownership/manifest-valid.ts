import { defineCheck, fail, pass } from '../../../src/kernel/check.ts';

export default defineCheck({
  title: 'flightcheck.yml is there and valid',
  why: 'Without it nobody knows what the model is, who answers for it and how it is trained, and most tests cannot run.',
  fix: 'Write flightcheck.yml with version, model.name and model.owner; flightcheck schema prints the schema for editors.',
  inputs: {},
  needs: ['manifest'],
  run({ manifest }) {
    const place = { path: manifest.path };
    if (!manifest.exists && manifest.problems.length === 0)
      return fail([
        {
          message: `There is no ${manifest.path}`,
          place,
          manifestLine: 'version: 1\nmodel:\n  name: my-model\n  owner: "@my-group"',
        },
      ]);
    if (manifest.problems.length > 0)
      return fail(
        manifest.problems.map((problem) => ({ message: problem.message, fix: problem.hint, place: problem.place ?? place })),
      );
    return manifest.value === null ? fail([{ message: `${manifest.path} could not be read`, place }]) : pass();
  },
});
