import { looksRandom, secretsIn } from '../../../src/facts/secrets.ts';
import { defineCheck, type Finding, judge, notApplicable } from '../../../src/kernel/check.ts';
import { dockerfilesOf } from '../lib/dockerfiles.ts';

const telling = /\b(\w{0,60}(?:TOKEN|PASSWORD|PASSWD|SECRET|API_?KEY|ACCESS_KEY)\w{0,60})[= ]["']?([^\s"']+)/gi;

/** Instructions that put a secret or somebody else's file into the image. */
function problemOf(keyword: string, text: string): string | null {
  if (keyword === 'ADD' && /^(?:--(?!checksum)\S+\s+)*https?:\/\//.test(text.trim()))
    return 'ADD fetches a URL without a checksum';
  if (/^RUN$/.test(keyword) && /\b(?:curl|wget)\b[^|;&]{0,500}\|\s*(?:sudo\s+)?(?:ba|z)?sh\b/.test(text))
    return 'RUN pipes a download into a shell';
  if (keyword !== 'ENV' && keyword !== 'ARG') return null;
  if (secretsIn(text).length > 0) return `${keyword} holds a secret`;
  const named = [...text.matchAll(telling)].find((match) => looksRandom(match[2] ?? '') && (match[2] ?? '').length >= 12);
  return named ? `${keyword} ${named[1]} holds a secret, which stays in the image's history` : null;
}

export default defineCheck({
  title: 'The image takes in no secrets and nothing unchecked',
  why: 'What a layer once held can be read by everyone who can pull the image; a download can be another one tomorrow.',
  fix: 'Use RUN --mount=type=secret for secrets, ADD --checksum=sha256:… for downloads, and a .dockerignore.',
  reference: 'https://docs.docker.com/build/building/secrets/',
  inputs: {},
  needs: ['files'],
  async run({ files }) {
    const dockerfiles = await dockerfilesOf(files);
    if (dockerfiles.length === 0) return notApplicable('the repo has no Dockerfile');
    const findings: Finding[] = [];
    for (const { path, dockerfile } of dockerfiles) {
      for (const { keyword, arguments: text, line } of dockerfile.instructions) {
        const problem = problemOf(keyword, text);
        if (problem !== null) findings.push({ message: problem, place: { path, line } });
      }
      const everything = dockerfile.instructions.find(
        (each) =>
          /^(COPY|ADD)$/.test(each.keyword) &&
          !/--from=/.test(each.arguments) &&
          /^(?:--\S+\s+)*\.\/?\s/.test(each.arguments.trim()),
      );
      const folder = path.includes('/') ? path.slice(0, path.lastIndexOf('/') + 1) : '';
      const ignoring = ['.dockerignore', `${folder}.dockerignore`, `${path}.dockerignore`];
      if (everything && !ignoring.some((each) => files.has(each)))
        findings.push({
          message: `${path} copies the whole folder, .git and data included, and there is no .dockerignore`,
          fix: 'Add .dockerignore with .git, data/ and .env.',
          place: { path, line: everything.line },
        });
    }
    return judge(findings);
  },
});
