/** A real Airflow 3 on loopback: its own home and SQLite, api-server, dag-processor and scheduler, stopped and removed afterwards. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { freePort } from '../../src/adapters/serve/sockets.ts';

const tools = join(import.meta.dirname, '../../.tools');
const parts = ['api-server', 'dag-processor', 'scheduler'] as const;
type Part = (typeof parts)[number];

/** Folder with the programs of that Airflow; null where `npm run setup:e2e` did not install it. */
export function airflowPrograms(major: 2 | 3): string | null {
  const bin = join(tools, `airflow-${major}`, 'bin');
  return existsSync(join(bin, 'airflow')) ? bin : null;
}

export interface RealAirflow {
  readonly url: string;
  /** Where it reads DAG files. */
  readonly dags: string;
  /** Accounts by name: `deployer` may do everything, `onlooker` may only look. */
  readonly passwords: Readonly<Record<string, string>>;
  /** What a part printed. */
  log(part: Part): string;
  /** Ends a part without a word, as a crash does. */
  kill(part: Part): Promise<void>;
  start(part: Part): void;
  close(): Promise<void>;
}

const longestStartSeconds = 180;

function environment(home: string, bin: string, port: number, more: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  const secret = 'for-tests-on-loopback-only-'.repeat(4);
  const settings = {
    CORE__DAGS_FOLDER: join(home, 'dags'),
    CORE__LOAD_EXAMPLES: 'False',
    CORE__PARALLELISM: '2',
    CORE__SIMPLE_AUTH_MANAGER_USERS: 'deployer:admin,onlooker:viewer',
    CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE: join(home, 'passwords.json'),
    CORE__EXECUTION_API_SERVER_URL: `http://127.0.0.1:${port}/execution/`,
    // What takes minutes in a cluster takes seconds here; the order of things is the same.
    DAG_PROCESSOR__REFRESH_INTERVAL: '2',
    DAG_PROCESSOR__BUNDLE_REFRESH_CHECK_INTERVAL: '1',
    DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL: '1',
    API__HOST: '127.0.0.1',
    API__PORT: String(port),
    API__WORKERS: '1',
    API__SECRET_KEY: secret,
    API_AUTH__JWT_SECRET: secret,
    USAGE_DATA_COLLECTION__ENABLED: 'False',
  };
  const named = Object.entries(settings).map(([name, value]) => [`AIRFLOW__${name}`, value]);
  const { HOME, LANG } = process.env;
  return {
    ...{ HOME, LANG, AIRFLOW_HOME: home, PATH: [bin, process.env.PATH ?? ''].join(delimiter) },
    ...Object.fromEntries(named),
    ...more,
  };
}

async function untilHealthy(url: string, log: () => string): Promise<void> {
  const healthy = async (): Promise<boolean> => {
    const response = await fetch(`${url}/api/v2/monitor/health`).catch(() => null);
    if (!response?.ok) return false;
    const health = (await response.json()) as Record<string, { status: string | null }>;
    return ['metadatabase', 'scheduler', 'dag_processor'].every((part) => health[part]?.status === 'healthy');
  };
  for (const started = Date.now(); !(await healthy()); ) {
    if (Date.now() - started > longestStartSeconds * 1000) throw new Error(`Airflow did not become healthy:\n${log()}`);
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

/** The connection with which a DAG's last task writes to Control Tower, as Airflow reads it from a variable. */
export const towerConnection = (url: string, token: string): Readonly<Record<string, string>> => ({
  AIRFLOW_CONN_FLIGHTCHECK_TOWER: JSON.stringify({ conn_type: 'http', host: url, password: token }),
});

/** Starts it, with more variables where given, and waits until every part gives a sign of life. Ask `airflowPrograms` first. */
export async function startAirflow(more: Readonly<Record<string, string>> = {}): Promise<RealAirflow> {
  const bin = airflowPrograms(3);
  if (bin === null) throw new Error('Airflow is not installed: npm run setup:e2e');
  const home = mkdtempSync(join(tmpdir(), 'flightcheck-airflow-'));
  const passwords = { deployer: 'may-deploy', onlooker: 'may-look' };
  mkdirSync(join(home, 'dags'));
  writeFileSync(join(home, 'passwords.json'), JSON.stringify(passwords));
  const port = await freePort();
  const env = environment(home, bin, port, more);
  const airflow = join(bin, 'airflow');
  const migrated = spawnSync(airflow, ['db', 'migrate'], { env, encoding: 'utf8' });
  if (migrated.status !== 0) throw new Error(`airflow db migrate: ${migrated.stderr.slice(-2000)}`);
  const running = new Map<Part, ChildProcess>();
  const logOf = (part: Part): string => join(home, `${part}.log`);
  const start = (part: Part): void => {
    const log = openSync(logOf(part), 'a');
    // A group of its own: each part forks workers.
    running.set(part, spawn(airflow, [part], { env, cwd: home, detached: true, stdio: ['ignore', log, log] }));
    closeSync(log);
  };
  const end = async (part: Part, signal: NodeJS.Signals): Promise<void> => {
    const child = running.get(part);
    running.delete(part);
    if (child?.pid === undefined || child.exitCode !== null) return;
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    process.kill(-child.pid, signal);
    await ended;
    try {
      process.kill(-child.pid, 'SIGKILL');
    } catch {
      // Nobody is left in the group.
    }
  };
  const close = async (): Promise<void> => {
    await Promise.all(parts.map((part) => end(part, 'SIGKILL')));
    rmSync(home, { recursive: true, force: true, maxRetries: 5 });
  };
  const log = (part: Part): string => readFileSync(logOf(part), 'utf8');
  const url = `http://127.0.0.1:${port}`;
  for (const part of parts) start(part);
  try {
    await untilHealthy(url, () => parts.map((part) => log(part).slice(-1000)).join('\n'));
  } catch (error) {
    await close();
    throw error;
  }
  return { url, dags: join(home, 'dags'), passwords, log, kill: (part) => end(part, 'SIGKILL'), start, close };
}
