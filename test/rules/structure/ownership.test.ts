import { testRule } from '../../helpers/rule.ts';

const head = 'version: 1\nmodel:\n  name: risk\n  owner: "@team"\n';
const hooks = 'hooks:\n  train: python train.py {data} {seed} {model}\n  predict: python predict.py {model} {in} {out}\n';
const manifest = (more = '') => ({ 'flightcheck.yml': `${head}${more}${hooks}` });

testRule('manifest-valid', {
  accept: [manifest()],
  reject: [
    [{}, { path: 'flightcheck.yml', says: 'there is no flightcheck.yml' }],
    [{ 'flightcheck.yml': `${head}${hooks}tasc: binary\n` }, { path: 'flightcheck.yml', line: 8, says: 'tasc' }],
    [{ 'flightcheck.yml': 'version: 1\n\tmodel: x\n' }, { path: 'flightcheck.yml', line: 2, says: 'tab' }],
  ],
});

testRule('manifest-described', {
  accept: [manifest('  description: Predicts risk\n')],
  reject: [[manifest(), { path: 'flightcheck.yml', says: 'model.description' }]],
  leave: [
    [{}, 'skipped', 'no flightcheck.yml'],
    [{ 'flightcheck.yml': 'version: 9' }, 'skipped', 'not valid'],
  ],
});

testRule('manifest-tier', {
  accept: [manifest('  tier: critical\n')],
  reject: [[manifest(), { path: 'flightcheck.yml', says: 'model.tier' }]],
  leave: [[{}, 'skipped', 'no flightcheck.yml']],
});

testRule('docs-readme', {
  accept: [{ 'README.md': '# Risk' }, { 'readme.rst': 'Risk\n' }, { 'docs/README.md': 'x' }],
  reject: [
    [{}, { path: 'README.md', says: 'no README' }],
    [{ 'README.md': '' }, { path: 'README.md', says: 'empty' }],
  ],
});

testRule('docs-readme-runs', {
  accept: [
    { 'README.md': '# Risk\n\n## How to run it\nCall Ada.\n' },
    { 'README.md': 'Risk\n\n```sh\npip install .\n```\n' },
    { 'README.rst': 'Risk\n====\n\n    python train.py\n' },
    { 'README.md': '# Training the model\nx' },
  ],
  reject: [[{ 'README.md': '# Risk\nA model that we run every day.\n' }, { path: 'README.md' }]],
  leave: [[{}, 'not-applicable', 'README']],
});

const card = (headings: readonly string[]) => headings.map((heading) => `## ${heading}\n\nText.\n`).join('\n');

testRule('docs-model-card', {
  accept: [
    { 'MODEL_CARD.md': card(['Intended use', 'Data', 'Metrics', 'Limits', 'Ethics']) },
    {
      'docs/model-card.md': card([
        'Primary use cases',
        'Training data',
        'Evaluation',
        'Known limitations',
        'Ethical considerations',
      ]),
    },
    { 'MODEL_CARD.md': 'Intended use\n------------\nx\n\n# **Data**\n# 3. Metrics\n# Limits #\n# Ethics, fairness\n' },
  ],
  reject: [
    [{}, { path: 'MODEL_CARD.md', says: 'no MODEL_CARD.md' }],
    [
      { 'MODEL_CARD.md': `${card(['Intended use', 'Data', 'Metrics'])}\n\`\`\`\n## Limits\n\`\`\`\n` },
      { path: 'MODEL_CARD.md', line: 1, says: 'Limits' },
      { path: 'MODEL_CARD.md', line: 1, says: 'Ethics' },
    ],
  ],
});

testRule('docs-changelog', { accept: [{ 'CHANGELOG.md': 'x' }, { 'NEWS.md': 'x' }], reject: [[{}, { path: 'CHANGELOG.md' }]] });

testRule('ownership-codeowners', {
  accept: [{ CODEOWNERS: '* @team\n' }, { '.gitlab/CODEOWNERS': '* @team\n' }],
  reject: [[{ 'OWNERS.md': 'x' }, { path: 'CODEOWNERS' }]],
});

testRule('ownership-licence', {
  accept: [{ LICENSE: 'MIT' }, { 'LICENCE.md': 'x' }, { 'LICENSES/MIT.txt': 'x' }],
  reject: [[{ 'licensing/x.md': 'x' }, { path: 'LICENSE' }]],
});

const attestation = (more = '') =>
  `version: 1\ntest: model-1\nby: "@ada"\ndate: ${new Date().toISOString().slice(0, 10)}\nmethod: Read every commit with Bob\nresult: passed\nlink: https://x.example/1\ncovers:\n  a.txt: ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb\n${more}`;
const attested = (text: string, files = {}) => ({
  ...manifest(),
  'a.txt': 'a',
  'flightcheck/attestations/m.yml': text,
  ...files,
});

testRule('attestations-valid', {
  accept: [attested(attestation())],
  reject: [
    [attested(attestation(), { 'a.txt': 'b' }), { path: 'flightcheck/attestations/m.yml', line: 9, says: 'a.txt has changed' }],
    [attested(attestation('by_hand: true\n')), { path: 'flightcheck/attestations/m.yml', line: 10, says: 'by_hand' }],
  ],
  leave: [
    [manifest(), 'not-applicable', 'no test is attested'],
    [{}, 'skipped', 'no flightcheck.yml'],
  ],
});
