/** What a Dockerfile says. */
import { DockerfileParser } from 'dockerfile-ast';

type Range = ReturnType<ReturnType<ReturnType<typeof DockerfileParser.parse>['getInstructions']>[number]['getRange']>;

export interface Stage {
  /** Image without tag and digest. */
  readonly image: string;
  readonly tag: string | null;
  readonly digest: string | null;
  /** An earlier stage, `scratch`, or an argument whose value is not known: nothing that could be pinned here. */
  readonly isInternal: boolean;
  readonly line: number;
  /** The last USER of the stage. */
  readonly user: { readonly name: string; readonly line: number } | null;
}

export interface Dockerfile {
  readonly stages: readonly Stage[];
  readonly instructions: readonly { readonly keyword: string; readonly arguments: string; readonly line: number }[];
}

const maxLength = 256 * 1024;

/** What follows the keyword, flags included (the library's own leaves them out); only a here-document keeps its lines. */
function argumentsOf(lines: readonly string[], range: Range): string {
  const { start, end } = range;
  return lines
    .slice(start.line, end.line + 1)
    .map((line, index, all) => (index === all.length - 1 ? line.slice(0, end.character) : line))
    .filter((line) => !/^\s*#/.test(line))
    .map((line) => (/\\\s*$/.test(line) ? line.replace(/\\\s*$/, ' ') : `${line}\n`))
    .join('')
    .trimEnd()
    .slice(start.character)
    .replace(/^\s*\w+\s*/, '');
}

/** Reads a Dockerfile leniently; what stands after the first 256 KiB is not read. */
export function readDockerfile(text: string): Dockerfile {
  const read = text.slice(0, maxLength);
  const lines = read.split(/\r?\n/);
  const parsed = DockerfileParser.parse(read);
  const instructions = parsed.getInstructions().map((each) => ({
    keyword: each.getKeyword(),
    arguments: argumentsOf(lines, each.getRange()),
    line: each.getRange().start.line + 1,
  }));
  const defaults = new Map(
    instructions
      .filter((each) => each.keyword === 'ARG')
      .flatMap((each) => {
        const [name = '', value] = each.arguments.split('=', 2);
        return value === undefined ? [] : [[name.trim(), value.trim().replace(/^["']|["']$/g, '')] as const];
      }),
  );
  const names = new Set<string>();
  const stages: { -readonly [K in keyof Stage]: Stage[K] }[] = [];
  for (const each of instructions) {
    if (each.keyword === 'USER') {
      const stage = stages.at(-1);
      if (stage) stage.user = { name: each.arguments.trim(), line: each.line };
    }
    if (each.keyword !== 'FROM') continue;
    const [reference = '', , name] = each.arguments
      .replace(/--\S+\s+/g, '')
      .trim()
      .split(/\s+/);
    const image = reference.replace(/\$\{?(\w+)(?::-[^}]*)?\}?/g, (whole, arg: string) => defaults.get(arg) ?? whole);
    const match = /^([^@]*?)(?::([\w][\w.-]*))?(?:@(\S+))?$/.exec(image);
    const base = match?.[1] ?? image;
    const parent = stages.find((_, index) => [...names][index] === base.toLowerCase());
    stages.push({
      image: base,
      tag: match?.[2] ?? null,
      digest: match?.[3] ?? null,
      isInternal: base === 'scratch' || image.includes('$') || names.has(base.toLowerCase()),
      line: each.line,
      user: parent?.user ?? null,
    });
    names.add((name ?? `stage ${stages.length}`).toLowerCase());
  }
  return { stages, instructions };
}
