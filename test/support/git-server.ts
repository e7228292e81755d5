/** A real Git server over HTTP on loopback: git's own http-backend, with faults where a network or a server has them. */
import { execFileSync, spawn } from 'node:child_process';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { git, makeRepo, temporaryFolder } from '../helpers/repo.ts';

/** What a client asks for: the refs, objects, the refs before a push, the push. */
export type Moment = 'look' | 'fetch' | 'greet-push' | 'push';

/** What comes of it: an answer, a status, the connection cut before or after it was done, or no answer ever. */
export type Fate = 'answer' | 'cut-before' | 'cut-after' | 'never' | number;

export interface GitServer {
  readonly url: string;
  /** Its repository. */
  readonly bare: string;
  /** Decides what comes of each request; may change the repository meanwhile. */
  fate(moment: Moment): Fate;
  /** Nothing listens any more. */
  close(): Promise<void>;
}

const momentOf = (path: string, query: string): Moment => {
  if (path.endsWith('/info/refs')) return query.includes('receive-pack') ? 'greet-push' : 'look';
  return path.endsWith('receive-pack') ? 'push' : 'fetch';
};

/** Lets http-backend answer, as a CGI; resolves with its output. */
function backend(
  root: string,
  request: IncomingMessage,
  [path, query]: readonly [string, string],
  body: Buffer,
): Promise<Buffer> {
  const { headers, method = 'GET' } = request;
  const env = {
    ...{ PATH: process.env.PATH, GIT_PROJECT_ROOT: root, GIT_HTTP_EXPORT_ALL: '1', REMOTE_USER: 'deployer' },
    ...{ PATH_INFO: path, QUERY_STRING: query, REQUEST_METHOD: method, CONTENT_TYPE: headers['content-type'] ?? '' },
    ...{ HTTP_CONTENT_ENCODING: headers['content-encoding'] ?? '', GIT_PROTOCOL: String(headers['git-protocol'] ?? '') },
  };
  const child = spawn('git', ['http-backend'], { env, stdio: ['pipe', 'pipe', 'ignore'] });
  const said: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => said.push(chunk));
  child.stdin.on('error', () => undefined);
  child.stdin.end(body);
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', () => resolve(Buffer.concat(said)));
  });
}

function send(response: ServerResponse, output: Buffer): void {
  const end = output.indexOf('\r\n\r\n');
  const headers = output
    .subarray(0, end)
    .toString()
    .split('\r\n')
    .map((line) => line.split(/: (.*)/, 2) as [string, string]);
  const status = headers.find(([name]) => name === 'Status')?.[1] ?? '200';
  response.writeHead(Number.parseInt(status, 10), Object.fromEntries(headers.filter(([name]) => name !== 'Status')));
  response.end(output.subarray(end + 4));
}

/** Serves a repository with a branch main and a folder dags; with a password only to whoever has it. */
export async function gitServer(password?: string): Promise<GitServer> {
  const root = temporaryFolder();
  const bare = join(root, 'dags.git');
  execFileSync('git', ['clone', '--quiet', '--bare', makeRepo({ 'dags/other.txt': 'of another team\n' }), bare]);
  git(bare, 'config', 'http.receivepack', 'true');
  const isLetIn = ({ headers }: IncomingMessage): boolean =>
    password === undefined || headers.authorization === `Basic ${Buffer.from(`deployer:${password}`).toString('base64')}`;
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    if (!isLetIn(request)) {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="git"' });
      return response.end();
    }
    const [path = '', query = ''] = (request.url ?? '').split('?');
    const fate = made.fate(momentOf(path, query));
    if (fate === 'never') return;
    if (fate === 'cut-before') return request.socket.destroy();
    if (typeof fate === 'number') {
      response.writeHead(fate);
      return response.end();
    }
    const output = await backend(root, request, [path, query], Buffer.concat(chunks));
    return fate === 'cut-after' ? request.socket.destroy() : send(response, output);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  onTestFinished(close);
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/dags.git`;
  const made: GitServer = { url, bare, fate: () => 'answer', close };
  return made;
}
