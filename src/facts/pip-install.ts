/** What `pip install` fetches in whatever version there is that day, in a command of a Dockerfile. */

/** Options of pip before and after `install` that take the next word where no `=` follows. */
const takesValue = new Set(
  `--requirement --constraint --editable --index-url --extra-index-url --find-links --trusted-host --target --prefix --root --src
  --cache-dir --log --proxy --cert --client-cert --timeout --retries --resume-retries --exists-action --python --keyring-provider
  --use-feature --use-deprecated --platform --python-version --implementation --abi --no-binary --only-binary --progress-bar
  --upgrade-strategy --root-user-action --config-settings --config-setting --global-option --build-option --install-option --build
  --report --group --uploaded-prior-to --build-constraint`.split(/\s+/),
);
const shortTakesValue = 'rceiftbC';
/** Versions are then said elsewhere: by hashes, by constraints, or by the files that lie there. */
const pinnedBy = new Set(['--require-hashes', '--constraint', '-c', '--no-index']);
/** Tools that install others. */
const installers = new Set(['pip', 'setuptools', 'wheel', 'uv', 'poetry']);

/** The words of each simple command of a shell's text, without quotes and redirections; enough of a shell for what stands in RUN. */
function commandsOf(text: string): readonly (readonly string[])[] {
  const commands: string[][] = [[]];
  let word: string | null = null;
  let isTarget = false;
  const end = (): void => {
    if (word !== null && !isTarget) commands.at(-1)?.push(word);
    if (word !== null) isTarget = false;
    word = null;
  };
  for (const [token] of text.matchAll(/[<>]+&?|[;&|()\n]|\s+|'[^']*'|"(?:[^"\\]|\\.)*"|\\.|[^\s'"\\;&|()<>]+|./gs))
    if (/^[;&|()\n]$/.test(token)) {
      end();
      commands.push([]);
    } else if (/^[<>]/.test(token)) {
      // 2>
      if (/^\d+$/.test(word ?? '')) word = null;
      end();
      isTarget = true;
    } else if (/^\s/.test(token)) end();
    else word = (word ?? '') + (/^['"]/.test(token) ? token.slice(1, -1) : token.startsWith('\\') ? token.slice(1) : token);
  end();
  return commands;
}

interface Options {
  readonly names: ReadonlySet<string>;
  /** What is neither an option nor its value, and what `-e` names. */
  readonly requirements: readonly string[];
}

/** Reads words as pip does: `--name=value`, `--name value`, `-nvalue`, `-n value`, `-Un value`. */
function optionsOf(words: readonly string[]): Options {
  const names = new Set<string>();
  const requirements: string[] = [];
  for (let i = 0; i < words.length; i++) {
    const word = words[i] ?? '';
    const [long = ''] = word.split('=', 1);
    const letter = /^-[^-]/.test(word) ? [...word.slice(1)].findIndex((each) => shortTakesValue.includes(each)) + 1 : 0;
    if (word === '--') {
      requirements.push(...words.slice(i + 1));
      break;
    }
    if (!word.startsWith('-')) requirements.push(word);
    const name = letter > 0 ? `-${word[letter]}` : long;
    const isNext = letter > 0 ? letter === word.length - 1 : takesValue.has(word);
    if (word.startsWith('-')) names.add(name);
    if (name === '-e' || name === '--editable')
      requirements.push(isNext ? (words[i + 1] ?? '') : word.slice(letter > 0 ? letter + 1 : long.length + 1));
    if (isNext) i++;
  }
  return { names, requirements };
}

/** A requirement that another day is another version; null where it is one, or cannot be known. */
function looseName(requirement: string): string | null {
  const text = requirement.split(';', 1)[0]?.trim() ?? '';
  const repository = /^(?:[\w.-]+(?:\[[^\]]*\])?\s*@\s*)?((?:git|hg|svn|bzr)\+.*)$/.exec(text)?.[1];
  if (repository !== undefined) {
    const bare = repository.split('#', 1)[0]?.replace(/\/\/[^/@]*@/, '//') ?? '';
    return /\/\/[^/]*\/[^@]*@./.test(bare) ? null : bare;
  }
  const match = /^([A-Za-z0-9][\w.-]*)(?:\[[\w,.\s-]*\])?\s*([=<>~!][^@/$]*)?$/.exec(text);
  const [, name = '', version = ''] = match ?? [];
  if (name === '' || installers.has(name.toLowerCase()) || /\.(?:whl|zip|tar|tgz|tar\.\w+)$/.test(name)) return null;
  const isOne = version.split(',').some((clause) => /^\s*===?[^*]*$/.test(clause));
  return isOne ? null : text;
}

function looseOf(words: readonly string[], depth: number): readonly string[] {
  // sh -c '...'
  if (depth > 0 && words.some((word) => /^(?:\S*\/)?(?:ba|da|z)?sh$/.test(word)))
    return words.filter((word) => /\s/.test(word)).flatMap((script) => looseInstallsIn(script, depth - 1));
  const pip = words.findIndex((word) => /^(?:\S*\/)?pip[\d.]*$/.test(word));
  if (pip < 0) return [];
  const { names, requirements } = optionsOf(words.slice(pip + 1));
  const [verb, ...wanted] = requirements;
  if (verb !== 'install' || [...names].some((name) => pinnedBy.has(name))) return [];
  return wanted.flatMap((each) => looseName(each) ?? []);
}

/** The requirements without a version in the `pip install`s of a RUN, in the form of a shell or of a list. */
export function looseInstallsIn(run: string, depth = 2): readonly string[] {
  if (run.trim().startsWith('['))
    try {
      const words: unknown = JSON.parse(run);
      if (Array.isArray(words)) return looseOf(words.map(String), depth);
    } catch {
      // A test of the shell begins so too.
    }
  return commandsOf(run).flatMap((words) => looseOf(words, depth));
}
