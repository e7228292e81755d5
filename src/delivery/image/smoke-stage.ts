/** A smoke run where a builder can build and cannot run: as a stage that nothing is kept of. */
import { readDockerfile } from '../../facts/dockerfile.ts';

const imageStage = 'flightcheck-image';

/**
 * The Dockerfile with one stage more, named `stage`, which runs a command in the image as its user; null when its last FROM stands on
 * several lines.
 */
export function withSmokeStage(dockerfile: string, stage: string, command: readonly string[]): string | null {
  const last = readDockerfile(dockerfile).instructions.findLast(({ keyword }) => keyword === 'FROM');
  if (last === undefined) return null;
  const named = /\sas\s+([a-z0-9][\w.-]*)\s*$/i.exec(last.arguments)?.[1];
  const lines = dockerfile.split('\n');
  const line = lines[last.line - 1] ?? '';
  if (named === undefined) {
    if (/\\\s*$/.test(line)) return null;
    lines[last.line - 1] = `${line.trimEnd()} AS ${imageStage}`;
  }
  return `${lines.join('\n')}\nFROM ${named ?? imageStage} AS ${stage}\nRUN ${JSON.stringify(command)}\n`;
}
