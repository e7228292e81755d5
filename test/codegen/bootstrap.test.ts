import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { fillBootstrap } from '../../src/codegen/templates.ts';

const source = readFileSync(join(import.meta.dirname, '../../components/bootstrap.sh'), 'utf8');
/** The distribution's own tools first: a version manager's shim needs more than itself. */
const which = (name: string) =>
  `/usr/bin:/bin:${process.env.PATH ?? ''}`
    .split(':')
    .map((folder) => join(folder, name))
    .find((path) => existsSync(path));
const arch = process.arch === 'arm64' ? 'arm64' : 'x64';
const name = `flightcheck-1.2.3-linux-${arch}`;

const folder = mkdtempSync(join(tmpdir(), 'bootstrap-'));
const requests: IncomingMessage[] = [];
let server: Server;
let address: string;
let archive: Buffer;
let body: Buffer;

const run = (command: string, args: readonly string[], options: object) =>
  new Promise<{ code: number; stdout: string; stderr: string }>((resolve) => {
    execFile(command, args, options, (error, stdout, stderr) =>
      resolve({
        code: typeof error?.code === 'number' ? error.code : error ? -1 : 0,
        stdout: String(stdout),
        stderr: String(stderr),
      }),
    );
  });

beforeAll(async () => {
  mkdirSync(join(folder, name, 'bin'), { recursive: true });
  writeFileSync(join(folder, name, 'bin/flightcheck'), '#!/bin/sh\necho "ran $1"\n', { mode: 0o755 });
  await run('tar', ['-C', folder, '-czf', join(folder, 'archive.tar.gz'), name], {});
  archive = readFileSync(join(folder, 'archive.tar.gz'));
  server = createServer((request, response) => {
    requests.push(request);
    if (request.url?.endsWith(`/${name}.tar.gz`)) response.end(body);
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const at = server.address();
  if (at === null || typeof at === 'string') throw new Error('no port');
  address = `http://127.0.0.1:${at.port}`;
});
afterAll(() => {
  server.close();
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(() => {
  body = archive;
  requests.length = 0;
});

/** Runs the block as a job does, in an own project folder, and then the command. */
async function job(
  shell: readonly string[],
  env: Readonly<Record<string, string>>,
  release: { version: string; sha256: Record<string, string> } = {
    version: '1.2.3',
    sha256: { [arch]: createHash('sha256').update(archive).digest('hex') },
  },
  project = mkdtempSync(join(folder, 'project-')),
) {
  const text = fillBootstrap(source, { project: 'mlops/flightcheck', ...release });
  const [command = 'sh', ...args] = shell;
  const result = await run(command, [...args, '-ec', `${text}\nflightcheck check`], {
    cwd: project,
    env: { PATH: process.env.PATH, CI_PROJECT_DIR: project, ...env },
  });
  return { ...result, project };
}

/** A PATH with only the named tools. */
function pathOf(tools: readonly string[]): string {
  const bin = mkdtempSync(join(folder, 'bin-'));
  for (const tool of ['sh', 'uname', 'mkdir', 'rm', 'mv', 'tar', 'gzip', 'cut', 'sha256sum', ...tools]) {
    const path = which(tool);
    if (path) symlinkSync(path, join(bin, tool));
  }
  return bin;
}

const shells = [['sh'], ['dash'], ['bash'], ['busybox', 'sh']].filter(([command = '']) => which(command));

describe.each(shells)('under %s %s', (...shell) => {
  const words = shell.filter((word) => word !== undefined);
  test('the archive is downloaded, verified, unpacked and called', async () => {
    const result = await job(words, { FLIGHTCHECK_CLI_URL: `${address}/mirror/` });
    expect(result).toMatchObject({ code: 0, stdout: 'ran check\n' });
    expect(requests.map((request) => request.url)).toEqual([`/mirror/${name}.tar.gz`]);
    expect(requests[0]?.headers.authorization).toBeUndefined();
    expect(readFileSync(join(result.project, '.flightcheck-cli/.gitignore'), 'utf8')).toBe('*\n');
  });

  test('another checksum stops the job before anything is run', async () => {
    body = Buffer.concat([archive, Buffer.from('x')]);
    const result = await job(words, { FLIGHTCHECK_CLI_URL: address });
    expect(result.code).toBe(3);
    expect(result.stdout).toBe('');
    expect(result.stderr).toContain(`expects ${createHash('sha256').update(archive).digest('hex')}. Nothing of it was run.`);
  });
});

describe('the download', () => {
  test("comes from this GitLab's package registry with the job's token", async () => {
    const result = await job(['sh'], { CI_API_V4_URL: `${address}/api/v4`, CI_JOB_TOKEN: 'token' });
    expect(result).toMatchObject({ code: 0 });
    expect(requests[0]?.url).toBe(`/api/v4/projects/mlops%2Fflightcheck/packages/generic/flightcheck/1.2.3/${name}.tar.gz`);
  });

  test.each(['curl', 'python3', 'Rscript'].filter((tool) => which(tool)))('works with only %s', async (tool) => {
    const extra = tool === 'Rscript' ? ['R', 'sed', 'dirname', 'ls', 'grep'] : [];
    const result = await job(['sh'], { PATH: pathOf([tool, ...extra]), CI_API_V4_URL: address, CI_JOB_TOKEN: 'glcbt-64_abc' });
    expect(result).toMatchObject({ code: 0, stdout: 'ran check\n' });
    const { authorization, 'job-token': jobToken } = requests[0]?.headers ?? {};
    const basic = `Basic ${Buffer.from('gitlab-ci-token:glcbt-64_abc').toString('base64')}`;
    expect(tool === 'Rscript' ? jobToken : authorization).toBe(tool === 'Rscript' ? 'glcbt-64_abc' : basic);
  });

  test('without any of them says what the image lacks', async () => {
    const result = await job(['sh'], { PATH: pathOf([]), FLIGHTCHECK_CLI_URL: address });
    expect(result.code).toBe(3);
    expect(result.stderr).toContain('none of curl, python3 and Rscript');
  });

  test('that fails names the address and asks the right question', async () => {
    const result = await job(['sh'], { FLIGHTCHECK_CLI_URL: address }, { version: '9.9.9', sha256: { [arch]: 'f'.repeat(64) } });
    expect(result.code).toBe(3);
    expect(result.stderr).toContain(`could not be downloaded from ${address}/flightcheck-9.9.9-linux-${arch}.tar.gz`);
  });
});

describe('the cache', () => {
  test('is used when its checksum is right', async () => {
    const first = await job(['sh'], { FLIGHTCHECK_CLI_URL: address });
    const second = await job(['sh'], { FLIGHTCHECK_CLI_URL: 'http://127.0.0.1:1' }, undefined, first.project);
    expect(second).toMatchObject({ code: 0, stdout: 'ran check\n' });
    expect(requests).toHaveLength(1);
  });

  test('is thrown away when someone changed it', async () => {
    const first = await job(['sh'], { FLIGHTCHECK_CLI_URL: address });
    writeFileSync(join(first.project, `.flightcheck-cli/archive/${name}.tar.gz`), 'poison');
    const second = await job(['sh'], { FLIGHTCHECK_CLI_URL: address }, undefined, first.project);
    expect(second).toMatchObject({ code: 0, stdout: 'ran check\n' });
    expect(requests).toHaveLength(2);
  });
});

describe('without an archive', () => {
  test('an unreleased component says what to do', async () => {
    const result = await job(['sh'], {}, { version: '0.0.0-dev', sha256: {} });
    expect(result.code).toBe(3);
    expect(result.stderr).toContain('version 0.0.0-dev of this component carries no checksum');
    expect(result.stderr).toContain('Include a released version');
  });

  test('cli: path takes the command of the image', async () => {
    const bin = join(folder, name, 'bin');
    const result = await job(['sh'], { FLIGHTCHECK_CLI: 'path', PATH: `${bin}:${process.env.PATH}` });
    expect(result).toMatchObject({ code: 0, stdout: 'ran check\n' });
  });

  test('cli: path in an image that has none fails clearly', async () => {
    const result = await job(['sh'], { FLIGHTCHECK_CLI: 'path', PATH: pathOf([]) });
    expect(result.code).toBe(3);
    expect(result.stderr).toContain('there is no flightcheck on the PATH of this image');
  });
});

test('a release with anything but plain text in it is refused', () => {
  expect(() => fillBootstrap(source, { version: "1'; id; '", project: 'a/b', sha256: {} })).toThrow(
    'VERSION of the release is not plain text',
  );
});

test.skipIf(!which('shellcheck'))('shellcheck finds nothing', async () => {
  const path = join(import.meta.dirname, '../../components/bootstrap.sh');
  expect(await run('shellcheck', ['-s', 'sh', path], {})).toMatchObject({ code: 0, stdout: '' });
});
