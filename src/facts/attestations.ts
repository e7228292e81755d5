/** Attestation files: read as the hostile text that they are, written as people would, judged as far as the repo itself tells. */
import { Document } from 'yaml';
import jsonSchema from '../kernel/attestation.schema.json' with { type: 'json' };
import { type Attestation, dayOf, lastDayOf, latestDay } from '../kernel/attestation.ts';
import type { Finding } from '../kernel/check.ts';
import { FlightcheckError, type Place } from '../kernel/failure.ts';
import type { Files } from '../kernel/world.ts';
import { ownSchema } from './own-schema.ts';
import { messagesOf } from './schema-messages.ts';
import { type KeyPath, parseYaml, type YamlDocument } from './yaml.ts';

export interface AttestationFile {
  readonly path: string;
  /** As it was read; null when it cannot be. */
  readonly text: string | null;
  /** Null when it is no valid attestation. */
  readonly attestation: Attestation | null;
  /** Why it does not count, each at its line. */
  readonly problems: readonly Finding[];
  place(keys: KeyPath): Place;
}

const mostBytes = 64 * 1024;
/** More than one for each test is a mistake already. */
const mostFiles = 200;

/** A day of the calendar: 30 February is none. */
const isDay = (text: string): boolean =>
  /^\d{4}-\d{2}-\d{2}$/.test(text) && !Number.isNaN(Date.parse(text)) && dayOf(new Date(text)) === text;

const validator = ownSchema<Attestation>(jsonSchema, {
  ...{ allErrors: true, verbose: true, strict: false },
  formats: { date: isDay },
});

interface Parsed {
  readonly attestation: Attestation | null;
  readonly problems: readonly Finding[];
  readonly document: YamlDocument | null;
}

/** What a file says. What is wrong with its form is a finding at its line, never an exception. */
export function parseAttestation(text: string, path: string): Parsed {
  let document: YamlDocument;
  try {
    document = parseYaml(text, path, { maxLength: mostBytes });
  } catch (error) {
    if (!(error instanceof FlightcheckError)) throw error;
    const { message, hint, place = { path } } = error;
    return { attestation: null, document: null, problems: [{ message, fix: hint, place }] };
  }
  const validate = validator();
  if (validate(document.value)) return { attestation: document.value, document, problems: [] };
  const problems = messagesOf(validate.errors ?? [], 'the attestation').map(({ path: keys, message, hint }) => ({
    message,
    fix: hint,
    place: document.place(keys) ?? { path, line: 1 },
  }));
  return { attestation: null, document, problems };
}

/** A path that stays in the folder of the model, written in the one way that files are listed. */
const isPlain = (path: string): boolean =>
  !/^([/\\]|[A-Za-z]:)|\\/.test(path) && path.split('/').every((part) => part !== '' && part !== '.' && part !== '..');

async function coverProblem(path: string, sha256: string, files: Files): Promise<Pick<Finding, 'message' | 'fix'> | null> {
  if (!isPlain(path))
    return {
      message: `covers ${path}, which is no path inside the repository`,
      fix: 'Write it as src/train.py, from the folder of flightcheck.yml.',
    };
  const file = files.get(path);
  const again = 'Execute the test again and attest it again: flightcheck attest --replace.';
  if (!file) return { message: `covers ${path}, which does not exist`, fix: again };
  if (file.symlinkTarget !== undefined)
    return { message: `covers ${path}, which is a symbolic link`, fix: 'Cover the file that it leads to.' };
  return (await files.sha256(path)) === sha256 ? null : { message: `${path} has changed since it was attested`, fix: again };
}

/** Everything that a valid attestation lacks, as far as the repo and the clock tell. */
async function* flawsOf(
  file: AttestationFile & { readonly attestation: Attestation },
  files: Files,
  now: Date,
): AsyncGenerator<Finding> {
  const { attestation, place } = file;
  const until = lastDayOf(attestation);
  if (attestation.date > latestDay(now))
    yield {
      message: `${attestation.date} is in the future`,
      fix: 'Write the day on which the test was executed.',
      place: place(['date']),
    };
  else if (dayOf(now) > until)
    yield {
      message: `it expired on ${until}`,
      fix: 'Execute the test again and attest it again: flightcheck attest --replace.',
      place: place([attestation.valid_for === undefined ? 'date' : 'valid_for']),
    };
  for (const [path, sha256] of Object.entries(attestation.covers)) {
    const problem = await coverProblem(path, sha256, files);
    if (problem) yield { ...problem, place: place(['covers', path]) };
  }
}

async function readOne(path: string, files: Files, now: Date): Promise<AttestationFile> {
  const refused = (message: string, fix: string): AttestationFile => ({
    path,
    text: null,
    attestation: null,
    problems: [{ message, fix, place: { path } }],
    place: () => ({ path }),
  });
  if (files.get(path)?.symlinkTarget !== undefined)
    return refused('it is a symbolic link', 'Put the attestation itself there: what was reviewed is what counts.');
  if ((files.get(path)?.bytes ?? 0) > mostBytes)
    return refused(`it is larger than ${mostBytes} bytes`, 'Put details behind the link.');
  const text = await files.text(path, mostBytes).catch((error: unknown) => {
    if (error instanceof FlightcheckError) return null;
    throw error;
  });
  if (text === null) return refused('it cannot be read as text', 'Write it with flightcheck attest.');
  const { attestation, problems, document } = parseAttestation(text, path);
  const place = (keys: KeyPath): Place => document?.place(keys) ?? { path };
  const file = { path, text, attestation, problems, place };
  if (attestation === null) return file;
  const flaws: Finding[] = [];
  for await (const flaw of flawsOf({ ...file, attestation }, files, now)) flaws.push(flaw);
  return { ...file, problems: flaws };
}

/** Two files of one test: which of them counts is not for us to choose. */
function withoutDoubles(files: readonly AttestationFile[]): readonly AttestationFile[] {
  return files.map((file) => {
    const test = file.attestation?.test;
    const other = test && files.find((each) => each.path !== file.path && each.attestation?.test === test);
    if (!other) return file;
    const problem = {
      message: `${test} is attested in ${other.path} too`,
      fix: 'Keep one of the two.',
      place: file.place(['test']),
    };
    return { ...file, problems: [problem, ...file.problems] };
  });
}

/** The attestation files of a repo, by path. */
export async function readAttestations(files: Files, pattern: string, now: Date): Promise<readonly AttestationFile[]> {
  const found: AttestationFile[] = [];
  for (const path of files.glob(pattern).slice(0, mostFiles)) found.push(await readOne(path, files, now));
  return withoutDoubles(found);
}

/** The attestation as a file to review and commit. */
export function formatAttestation(attestation: Attestation): string {
  const document = new Document(attestation);
  document.commentBefore = ' It counts once it was merged through a merge request that another person approved.';
  return document.toString({ lineWidth: 110 });
}
