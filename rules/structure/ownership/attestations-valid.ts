import { defineCheck, judge, notApplicable, skipped } from '../../../src/kernel/check.ts';

export default defineCheck({
  title: 'Attestations are valid and cover what is there',
  why: 'A test that was executed by hand counts only as long as what was tested is still the same.',
  fix: 'Execute the test again and write it down with flightcheck attest --replace, or remove the file.',
  reference: 'https://doi.org/10.1109/BigData.2017.8258038',
  inputs: {},
  needs: ['manifest', 'files'],
  async run({ manifest, files }) {
    if (manifest.value === null)
      return skipped(manifest.exists ? 'flightcheck.yml is not valid' : 'there is no flightcheck.yml', {
        nextStep: 'See the rule manifest-valid.',
      });
    // Loaded where there is a manifest: it brings a validator of schemas along.
    const { readAttestations } = await import('../../../src/facts/attestations.ts');
    const found = await readAttestations(files, manifest.value.attestations, new Date());
    if (found.length === 0) return notApplicable('no test is attested');
    return judge(found.flatMap(({ problems }) => problems));
  },
});
