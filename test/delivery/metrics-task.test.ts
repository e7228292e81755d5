import { execFile } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { promisify } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { alertImports, alertOfRun } from '../../src/delivery/dag/alert.ts';
import { metricsImports, metricsOperator } from '../../src/delivery/dag/metrics-task.ts';

/** What the operator needs of Airflow, and one run whose two tasks ended as given. */
const program = `
import datetime, json, logging, sys, types

given = json.loads(sys.argv[1])

class BaseOperator:
    def __init__(self, task_id):
        self.task_id, self.upstream_task_ids, self.log = task_id, set(given["states"]), logging.getLogger("task")

class Connection:
    def get(name):
        fields = {"conn_type": "http", "host": None, "schema": None, "port": None, "password": "the-token"}
        return types.SimpleNamespace(**fields | given["connections"][name])

sdk = types.ModuleType("airflow.sdk")
sdk.BaseOperator, sdk.Connection = BaseOperator, Connection
sys.modules |= {"airflow": types.ModuleType("airflow"), "airflow.sdk": sdk}
logging.basicConfig(format="%(levelname)s %(message)s", level="INFO", stream=sys.stdout)
${[...alertImports, ...metricsImports].map((name) => `import ${name}\n`).join('')}${alertOfRun}${metricsOperator}
states = [types.SimpleNamespace(task_id=task, state=state) for task, state in given["states"].items()]
start = datetime.datetime.now(datetime.timezone.utc)
run = types.SimpleNamespace(dag_id="risk", run_id="1", start_date=start, conf=given["conf"], get_task_instances=lambda: states)
PostMetrics(task_id="control-tower", model="risk", environment="prod", labels={}, **given["task"]).execute({"dag_run": run})
`;

interface Posted {
  readonly url: string | undefined;
  readonly authorization: string | undefined;
  readonly model: unknown;
  readonly alert: unknown;
}

let port = 0;
const posted: Posted[] = [];
const server = createServer(async (request, response) => {
  let text = '';
  for await (const chunk of request) text += chunk;
  const { model, alert } = JSON.parse(text) as Posted;
  posted.push({ url: request.url, authorization: request.headers.authorization, model, alert });
  response.writeHead(202).end('{}');
});
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  ({ port } = server.address() as AddressInfo);
});
afterAll(() => new Promise((resolve) => server.close(resolve)));
beforeEach(() => posted.splice(0));

/** Runs the task with one connection; what it logged. */
async function told(
  connection: object,
  url: string | null = null,
  states = { train: 'success' },
  conf: unknown = null,
): Promise<string> {
  const given = { conf, connections: { tower: connection }, task: { connection: 'tower', url }, states };
  const args = ['-I', '-c', program, JSON.stringify(given)];
  const { stdout } = await promisify(execFile)('python3', args, { env: { PATH: process.env.PATH } });
  return stdout;
}

describe('the token goes to the host of its own connection', () => {
  const atServer: [string, () => object, (() => string)?][] = [
    ['a whole address', () => ({ host: `http://127.0.0.1:${port}` })],
    ['its parts', () => ({ host: '127.0.0.1', schema: 'http', port })],
    ['an address with the port beside it', () => ({ host: 'http://127.0.0.1/', port })],
    ['the same in flightcheck.yml', () => ({ host: '127.0.0.1', schema: 'http', port }), () => `http://127.0.0.1:${port}/`],
    ['another type that an address may have', () => ({ host: `http://127.0.0.1:${port}`, conn_type: 'generic' })],
  ];
  test.each(atServer)('%s', async (_, connection, url) => {
    expect(await told(connection(), url?.())).toContain('INFO Control Tower answered 202');
    expect(posted).toEqual([{ url: '/v1/metrics', authorization: 'Bearer the-token', model: 'risk' }]);
  });

  test('with the alert that started the run, and with nothing else that stands there', async () => {
    const id = '8277ba64-8e68-40a8-a375-b2c53fa68f1e';
    const here = { host: `http://127.0.0.1:${port}` };
    for (const alert of [id, `${id} `, { id }]) await told(here, null, { train: 'success' }, { flightcheck_alert: alert });
    expect(posted.map(({ alert }) => alert)).toEqual([id, undefined, undefined]);
  });

  test('with its path', async () => {
    await told({ host: `http://127.0.0.1:${port}/tower/` }, `http://127.0.0.1:${port}/tower`);
    expect(posted).toEqual([expect.objectContaining({ url: '/tower/v1/metrics' })]);
  });
});

describe('nothing is sent, and the log says why', () => {
  const here = (): string => `http://127.0.0.1:${port}`;
  test.each<[string, object, string]>([
    ['the password of a warehouse', { conn_type: 'postgres', host: '127.0.0.1' }, 'is of the type postgres'],
    ['a connection of another host', { host: 'https://warehouse.example.com' }, 'is for https://warehouse.example.com:'],
    ['another scheme', { host: 'https://127.0.0.1' }, 'is for https://127.0.0.1:'],
    ['a scheme that the connection does not say', { host: '127.0.0.1' }, 'is for https://127.0.0.1:'],
    ['another port', { host: 'http://127.0.0.1', port: 1 }, 'is for http://127.0.0.1:1, '],
    ['another path', { host: 'http://127.0.0.1/tower' }, '/tower, flightcheck.yml says '],
    ['no host', {}, 'has no host, and its password goes to its own host alone'],
    ['a host that is none', { host: 'file:///the-token' }, 'is no address of a web server'],
  ])('%s', async (_, connection, words) => {
    const log = await told({ port, ...connection }, here());
    expect(log).toMatch(/^ERROR Control Tower was not told: the (Airflow connection|host of the Airflow connection) tower /m);
    expect(log).toContain(words);
    expect(log).not.toContain('the-token');
    expect(posted).toEqual([]);
  });
});

test('ends as the tasks before it did, told or not', async () => {
  const failed = { train: 'failed' };
  await expect(told({ host: `http://127.0.0.1:${port}` }, null, failed)).rejects.toThrow('not a success: train');
  expect(posted).toHaveLength(1);
});
