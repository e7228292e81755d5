/**
 * Pipelines without GitLab, Docker or a network: a bare Git repository stands for the component project on
 * gitlab.example.com, and gitlab-ci-local runs the jobs of consumer projects with the shell executor.
 */
import { execFileSync, spawn } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const host = 'https://gitlab.example.com';
const componentPath = 'mlops/flightcheck';

export interface Pipeline {
  /** Exit code of gitlab-ci-local: 0 when every job that must pass passed. */
  readonly code: number;
  /** Everything that it printed, without colours. */
  readonly output: string;
  /** Verdict of each job by name. */
  readonly jobs: Readonly<Record<string, 'pass' | 'warn' | 'fail'>>;
  /** Folder that holds a job's artifacts; a job that was not divided has the name that it was given. */
  artifacts(job: string): string;
}

export interface RunOptions {
  /** Project and pipeline variables. */
  readonly variables?: Readonly<Record<string, string>>;
  /** `none` runs inside an empty network namespace where the system allows it; `loopback` reaches local servers. Default: none. */
  readonly network?: 'none' | 'loopback';
  /** Folders before PATH. */
  readonly path?: readonly string[];
  /** Jobs share the project's folder instead of a copy each. */
  readonly isInPlace?: boolean;
  /** Jobs find the cache of the run before, as on a runner. */
  readonly keepsCache?: boolean;
  readonly arguments?: readonly string[];
  /** Each line as it comes. */
  readonly onLine?: (line: string) => void;
  readonly signal?: AbortSignal;
}

export interface Offline {
  readonly folder: string;
  /** The checked-out component project, whose own pipeline can be run too. */
  readonly components: string;
  /** Commits what stands in the component project, tags it when asked, and publishes it. */
  publish(tag?: string): void;
  /** A project of its own, from a folder and files (paths to contents) on top; returns its path. */
  project(name: string, files: Readonly<Record<string, string>>, from?: string): string;
  /** Commits the files of a project. */
  commit(project: string, files: Readonly<Record<string, string>>): void;
  run(project: string, options?: RunOptions): Promise<Pipeline>;
  close(): void;
}

/** True where an empty network namespace can be made. */
export function canUnshare(): boolean {
  try {
    execFileSync('unshare', ['-rn', 'true'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

/**
 * A wrapper named `flightcheck` in a new folder, which is returned: the built command as an image would carry it. What
 * `tokenFile` holds is handed to `report` alone, as GitLab mints an id_token for that job alone.
 */
export function commandFolder(folder: string, tokenFile?: string): string {
  const bin = mkdtempSync(join(folder, 'bin-'));
  const file = join(bin, 'flightcheck');
  const mint = tokenFile ? `[ "$1" != report ] || export FLIGHTCHECK_TOWER_TOKEN="$(cat ${quoted(tokenFile)})"\n` : '';
  writeFileSync(file, `#!/bin/sh\n${mint}exec ${quoted(process.execPath)} ${quoted(join(root, 'dist/main.js'))} "$@"\n`);
  chmodSync(file, 0o755);
  return bin;
}

function write(folder: string, files: Readonly<Record<string, string>>): void {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  }
}

/** Prepares the component project from `templates/` of this checkout, tagged 1.0.0. */
export function createOffline(parent: string = tmpdir()): Offline {
  const folder = mkdtempSync(join(parent, 'flightcheck-offline-'));
  const components = join(folder, 'projects', componentPath);
  const bare = join(folder, 'bare', componentPath);
  const gitConfig = join(folder, 'gitconfig');
  // Only this one project is sent elsewhere: a rule for the whole host would also rewrite the consumers' own remotes.
  const config = ['[user]', 'name = dev', 'email = dev@example.com', '[init]', 'defaultBranch = main', '[safe]', 'directory = *'];
  const instead = [host, `${host}:443`].map((address) => `insteadOf = ${address}/${componentPath}`);
  writeFileSync(
    gitConfig,
    `${[...config, '[protocol "file"]', 'allow = always', `[url "file://${bare}"]`, ...instead].join('\n')}\n`,
  );
  const env = { ...process.env, GIT_CONFIG_GLOBAL: gitConfig, GIT_CONFIG_NOSYSTEM: '1', NO_COLOR: '1', FORCE_COLOR: '0' };
  const git = (cwd: string, ...args: string[]) =>
    execFileSync('git', ['-C', cwd, ...args], { env, stdio: 'pipe', encoding: 'utf8' });

  const create = (path: string): string => {
    const target = join(folder, 'projects', path);
    mkdirSync(target, { recursive: true });
    git(target, 'init', '-q');
    git(target, 'remote', 'add', 'origin', `${host}/${path}.git`);
    git(target, 'symbolic-ref', 'refs/remotes/origin/HEAD', 'refs/remotes/origin/main');
    appendFileSync(join(target, '.git/info/exclude'), '.gitlab-ci-local/\n');
    return target;
  };
  const commit = (project: string, files: Readonly<Record<string, string>>): void => {
    write(project, files);
    git(project, 'add', '-A');
    git(project, 'commit', '-q', '--allow-empty', '-m', 'state');
    git(project, 'update-ref', 'refs/remotes/origin/main', 'HEAD');
  };
  const publish = (tag?: string): void => {
    commit(components, {});
    if (tag) git(components, 'tag', tag);
    rmSync(`${bare}.git`, { recursive: true, force: true });
    git(folder, 'clone', '-q', '--bare', components, `${bare}.git`);
    git(`${bare}.git`, 'config', 'uploadpack.allowFilter', 'true');
    git(`${bare}.git`, 'config', 'uploadpack.allowAnySHA1InWant', 'true');
  };

  create(componentPath);
  cpSync(join(root, 'templates'), join(components, 'templates'), { recursive: true });
  publish('1.0.0');
  return {
    folder,
    components,
    publish,
    commit,
    project(name, files, from) {
      const target = create(`ml/${name}`);
      if (from) cpSync(from, target, { recursive: true });
      commit(target, files);
      return target;
    },
    async run(project, options = {}) {
      const state = join(project, '.gitlab-ci-local');
      // Included files outlive a run, and the next pin would be served from them.
      for (const entry of existsSync(state) ? readdirSync(state) : [])
        if (entry !== 'cache' || !options.keepsCache) rmSync(join(state, entry), { recursive: true, force: true });
      const again = () => runPipeline(project, join(folder, 'home'), env, options);
      const pipeline = await again();
      // Two components of one project are fetched at once into one folder, and one copy may lose the race for making it.
      const hasRaced = /cannot create directory .*: File exists/.test(pipeline.output) && Object.keys(pipeline.jobs).length === 0;
      return hasRaced ? again() : pipeline;
    },
    close: () => rmSync(folder, { recursive: true, force: true }),
  };
}

function runPipeline(project: string, home: string, env: NodeJS.ProcessEnv, options: RunOptions): Promise<Pipeline> {
  const { variables = {}, network = 'none', path = [], onLine } = options;
  const runner = [process.execPath, createRequire(import.meta.url).resolve('gitlab-ci-local'), '--home', home];
  const flags = ['--force-shell-executor', '--no-artifacts-to-source', ...(options.isInPlace ? [] : ['--shell-isolation'])];
  const given = Object.entries(variables).flatMap(([name, value]) => ['--variable', `${name}=${value}`]);
  const isolation = network === 'none' && canUnshare() ? ['unshare', '-rn'] : [];
  const [command = '', ...args] = [...isolation, ...runner, ...flags, ...given, ...(options.arguments ?? [])];
  const tools = join(root, '.tools/bin');
  const folders = [...path, ...(existsSync(tools) ? [tools] : []), process.env.PATH ?? ''];
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: project,
      env: { ...env, PATH: folders.join(delimiter) },
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const stop = () => {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGTERM');
    };
    options.signal?.addEventListener('abort', stop, { once: true });
    let output = '';
    let rest = '';
    const take = (chunk: Buffer) => {
      const text = stripVTControlCharacters(chunk.toString());
      output += text;
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) onLine?.(line);
    };
    child.stdout.on('data', take);
    child.stderr.on('data', take);
    child.on('error', reject);
    child.on('close', (code) => {
      options.signal?.removeEventListener('abort', stop);
      resolve({
        code: code ?? 1,
        output,
        jobs: jobsOf(output),
        artifacts: (job) => artifactsOf(join(project, '.gitlab-ci-local/artifacts'), job),
      });
    });
  });
}

/** `parallel: 1` makes a job of another name, as in GitLab. */
const undivided = ': [1/1]';

/** gitlab-ci-local writes what is no letter, digit or hyphen of a name in base64. */
function artifactsOf(folder: string, job: string): string {
  const encoded = (name: string) => name.replace(/[^\w-]+/g, (match) => Buffer.from(match).toString('base64url'));
  const named = join(folder, encoded(job));
  return existsSync(named) ? named : join(folder, encoded(`${job}${undivided}`));
}

/** Verdicts from the summary that gitlab-ci-local ends with. */
function jobsOf(output: string): Pipeline['jobs'] {
  const rows = [...output.matchAll(/^ *(PASS|WARN|FAIL) +(\S.*?) *(?: [\d.]+% coverage)?$/gm)];
  return Object.fromEntries(
    rows.map(([, verdict = '', job = '']) => [
      job.endsWith(undivided) ? job.slice(0, -undivided.length) : job,
      verdict.toLowerCase() as 'pass' | 'warn' | 'fail',
    ]),
  );
}
