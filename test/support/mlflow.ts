/** A real MLflow server from PyPI on loopback, and its real client; see scripts/lib/venvs.ts. */
import { execFile, spawn } from 'node:child_process';
import { existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../../src/adapters/serve/sockets.ts';

export const mlflowBin = join(import.meta.dirname, '../../.tools/mlflow/bin');
export const hasMlflow = existsSync(join(mlflowBin, 'mlflow'));

/** No telemetry, no jobs, no proxy between two programs of this machine. */
const quiet = {
  MLFLOW_DISABLE_TELEMETRY: 'true',
  DO_NOT_TRACK: 'true',
  MLFLOW_SERVER_ENABLE_JOB_EXECUTION: 'false',
  NO_PROXY: '127.0.0.1',
  no_proxy: '127.0.0.1',
};

export interface MlflowServer {
  readonly url: string;
  /** Runs Python with the client; arguments follow the address. Returns what it printed. */
  client(script: string, ...args: readonly string[]): Promise<string>;
  close(): Promise<void>;
}

export interface MlflowServerOptions {
  /** Settings of the app basic-auth; without them everybody may read and write. */
  readonly auth?: { readonly username: string; readonly password: string };
}

/** Starts a server whose data lies in the folder; rejects when it is not healthy within two minutes. */
export async function startMlflow(folder: string, { auth }: MlflowServerOptions = {}): Promise<MlflowServer> {
  mkdirSync(folder, { recursive: true });
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const flags = ['--host', '127.0.0.1', '--port', String(port), '--workers', '1'];
  const stores = ['--backend-store-uri', 'sqlite:///mlflow.db', '--artifacts-destination', './artifacts'];
  const ini = join(folder, 'auth.ini');
  if (auth)
    writeFileSync(
      ini,
      `[mlflow]\ndefault_permission = READ\ndatabase_uri = sqlite:///auth.db\nadmin_username = ${auth.username}\nadmin_password = ${auth.password}\nauthorization_function = mlflow.server.auth:authenticate_request_basic_auth\n`,
    );
  const log = join(folder, 'server.log');
  const output = openSync(log, 'a');
  const child = spawn(join(mlflowBin, 'mlflow'), ['server', ...flags, ...stores, ...(auth ? ['--app-name', 'basic-auth'] : [])], {
    cwd: folder,
    // Its workers are processes of their own: the group is ended.
    detached: true,
    stdio: ['ignore', output, output],
    env: {
      ...{ PATH: `${mlflowBin}:${process.env.PATH}`, HOME: folder, ...quiet },
      ...(auth && { MLFLOW_AUTH_CONFIG_PATH: ini, MLFLOW_FLASK_SERVER_SECRET_KEY: 'of one test' }),
    },
  });
  let hasEnded = false;
  const ended = new Promise<void>((resolve) => {
    const end = (): void => {
      hasEnded = true;
      resolve();
    };
    child.on('close', end);
    child.on('error', end);
  });
  const close = async (): Promise<void> => {
    if (!hasEnded && child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    await ended;
  };
  const client: MlflowServer['client'] = (script, ...args) =>
    new Promise((resolve, reject) => {
      const login = auth ? { MLFLOW_TRACKING_USERNAME: auth.username, MLFLOW_TRACKING_PASSWORD: auth.password } : {};
      const env = { PATH: `${mlflowBin}:${process.env.PATH}`, HOME: folder, MLFLOW_TRACKING_URI: url, ...quiet, ...login };
      execFile(join(mlflowBin, 'python'), [script, ...args], { cwd: folder, env }, (error, stdout, stderr) =>
        error ? reject(new Error(`${error.message}\n${stderr}`)) : resolve(stdout),
      );
    });
  for (let tries = 0; tries < 480 && !hasEnded; tries += 1) {
    const isUp = await fetch(`${url}/health`).then(
      (response) => response.ok,
      () => false,
    );
    if (isUp) return { url, client, close };
    await sleep(250);
  }
  await close();
  throw new Error(`MLflow did not start:\n${readFileSync(log, 'utf8').split('\n').slice(-20).join('\n')}`);
}
