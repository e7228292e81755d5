/** Cobertura XML as coverage.py, covr and others write it -> lines of files and how often each ran. */
import { UsageError } from '../kernel/failure.ts';
import { type FileCoverage, mergeCoverage } from '../kernel/unit-tests.ts';
import { readXml } from './xml.ts';

const mostLines = 5_000_000;

export interface CoberturaOptions {
  /** Path of the file, for messages. */
  readonly path: string;
  /** Path inside the repo of a file name, which may be relative to one of the sources; null when it lies elsewhere. */
  fileOf(name: string, sources: readonly string[]): string | null;
}

/** Reads coverage by file, sorted by path; files outside the repo are left out. Throws a UsageError: XML_INVALID, COVERAGE_INVALID. */
export function readCobertura(xml: string, options: CoberturaOptions): readonly FileCoverage[] {
  const sources: string[] = [];
  const files: { name: string; lines: { line: number; hits: number }[] }[] = [];
  let count = 0;
  let isSource = false;
  let isRoot = true;
  const invalid = (what: string): UsageError =>
    new UsageError('COVERAGE_INVALID', `${options.path} is not Cobertura: ${what}`, {
      hint: 'Let the command write Cobertura XML to {coverage}.',
      place: { path: options.path },
    });
  readXml(xml, options.path, {
    open(name, attributes) {
      if (isRoot && name !== 'coverage') throw invalid(`it begins with <${name.slice(0, 60)}>`);
      isRoot = false;
      if (name === 'source') {
        isSource = sources.push('') <= 1000;
      } else if (name === 'class') files.push({ name: attributes.filename ?? '', lines: [] });
      else if (name === 'line') {
        const [line, hits] = [Number(attributes.number), Number(attributes.hits)];
        if (!Number.isSafeInteger(line) || line < 1 || !Number.isFinite(hits)) return;
        count += 1;
        if (count > mostLines) throw invalid(`it holds more than ${mostLines.toLocaleString('en')} lines`);
        files.at(-1)?.lines.push({ line, hits: Math.max(0, Math.round(hits)) });
      }
    },
    close(name) {
      if (name === 'source') isSource = false;
    },
    text(part) {
      if (isSource) sources.push((sources.pop() ?? '') + part);
    },
  });
  const trimmed = sources.map((source) => source.trim());
  return mergeCoverage(
    files.flatMap(({ name, lines }) => {
      const path = options.fileOf(name, trimmed);
      return path === null ? [] : [{ path, lines }];
    }),
  );
}
