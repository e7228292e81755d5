/** `flightcheck tower`: Control Tower, the service that reports are posted to. */
import { defineCommand } from '../command.ts';
import { storeFlags } from '../tower/store.ts';
import { tokenCommand } from '../tower/token-command.ts';

const serve = defineCommand({
  name: 'serve',
  summary: 'Run Control Tower: take reports, show every model.',
  options: [],
  flags: {
    ...storeFlags,
    host: {
      type: 'string',
      description: 'Address to listen on. Other than this machine needs PostgreSQL.',
      default: '127.0.0.1',
    },
    port: { type: 'number', description: 'Port to listen on; 0 takes a free one.', default: 4700 },
    'gitlab-issuer': {
      type: 'array',
      description:
        'Addresses of GitLab servers whose id_tokens are trusted, comma-separated. Namespaces of the first are named as they are, of another with its address before them.',
      default: [],
    },
    'accept-first-gitlab': {
      type: 'string',
      description:
        'The first of them, once another was the first: tokens, dashboards and rules that name a namespace then hold for projects of this one.',
    },
    audience: { type: 'string', description: "The aud of those id_tokens, usually this server's address." },
    'default-branch': {
      type: 'array',
      description: 'Names of protected branches that write the record, comma-separated.',
      default: ['main', 'master'],
    },
    actions: {
      type: 'string',
      description:
        'JSON file of where alerts act: {"webhooks": {"NAME": {"url", "secret", "private"}}, "gitlab": {"url", "token"}, "airflow": {"NAME": {"url", "username", "password", "token", "version"}}, "repositories": {"GROUP": [what rules in flightcheck.yml may do]}}; secret, token and password name variables.',
    },
    'seal-after-days': {
      type: 'number',
      description: 'Days after the end of a month at which its points are packed. Late points are taken all the same.',
      default: 7,
    },
    'keep-points': { type: 'number', description: 'Months that single points are kept. Default: all.' },
    'keep-daily': { type: 'number', description: 'Months that daily values are kept. Default: all.' },
    'keep-weekly': { type: 'number', description: 'Months that weekly values are kept. Default: all.' },
    login: {
      type: 'string',
      description:
        'JSON file of where people log in (OpenID Connect): {"issuer", "clientId", "clientSecret", "public", "roles"}; clientSecret names a variable. Its redirect address is PUBLIC-URL/login/callback.',
    },
    'public-url': {
      type: 'string',
      description:
        'Address at which people reach this server, without a path: for logins, links and copied commands. https where people log in.',
    },
    'token-file': {
      type: 'string',
      description: "Take the operator's token from this file; make the file when it does not exist.",
    },
    'new-token': {
      type: 'boolean',
      description: "Replace the operator's token and show the new one; only its hash is kept.",
      default: false,
    },
    'ready-file': {
      type: 'string',
      description:
        'Write the address as JSON to this file when ready, with the token unless --token-file has it; removed at the end.',
    },
  },
  examples: [
    {
      command: 'flightcheck tower serve',
      meaning: "On this machine, with the embedded database; shows the operator's token the first time.",
    },
    {
      command: 'flightcheck tower serve --port 0 --json',
      meaning: 'On a free port; one line of JSON with address and token for a script, once the token is new.',
    },
    {
      command:
        'DATABASE_URL=postgresql://tower@db/tower flightcheck tower serve --host 0.0.0.0 --gitlab-issuer https://gitlab.example.com --audience https://tower.example.com',
      meaning: 'For an organisation, on PostgreSQL, trusting the jobs of one GitLab.',
    },
  ],
  async run(context, invocation) {
    const { serveTower } = await import('../tower/serve.ts');
    return serveTower(context, invocation);
  },
});

const demoDefaults = { models: 200, days: 180, seed: 1 } as const;

const demoData = defineCommand({
  name: 'demo-data',
  summary: 'Fill a database with a made-up organisation, to see every page full.',
  options: [],
  flags: {
    ...storeFlags,
    models: { type: 'number', description: 'How many models.', default: demoDefaults.models },
    days: { type: 'number', description: 'How many days of reports and metrics, up to today.', default: demoDefaults.days },
    seed: { type: 'number', description: 'Another number makes another organisation.', default: demoDefaults.seed },
  },
  examples: [
    {
      command: 'flightcheck tower demo-data --data /tmp/tower && flightcheck tower serve --data /tmp/tower',
      meaning: '200 models with half a year of scores, drift and load, in one to two minutes. Refused beside real projects.',
    },
  ],
  async run(context, invocation) {
    const { writeDemoData } = await import('../tower/demo-data.ts');
    return writeDemoData(context, { ...invocation, options: { ...demoDefaults, ...invocation.options } });
  },
});

const post = defineCommand({
  name: 'post',
  summary: 'Post numbers of a model: from arguments, a CSV or JSON file, or standard input.',
  argument: { name: 'metrics', description: 'NAME=VALUE or NAME{LABEL=VALUE,...}=VALUE.', isVariadic: true },
  options: ['tower-url', 'tower-timeout'],
  flags: {
    model: { type: 'string', description: 'Name of the model. Control Tower knows it from a report.', default: '' },
    project: { type: 'string', description: 'Path of its project, where several have a model of that name.', default: '' },
    environment: { type: 'string', description: 'Where it runs: production, staging, ...', default: '' },
    at: { type: 'string', description: 'Time of the metrics without one of their own, RFC 3339. Default: now.', default: '' },
    file: {
      type: 'string',
      description: 'CSV (columns name and value, perhaps unit and at; others are labels) or JSON; - is standard input.',
      default: '',
    },
  },
  examples: [
    {
      command: "flightcheck tower post --model card-fraud-au 'model.drift.psi{feature=amount}=0.12' task.cpu=340",
      meaning: 'Two numbers of now. The address is FLIGHTCHECK_TOWER_URL, the token FLIGHTCHECK_TOWER_TOKEN.',
    },
    {
      command: 'flightcheck tower post --model card-fraud-au --environment production --file monitor.csv',
      meaning: 'A table: name,value,at,feature. Posted twice it counts once.',
    },
  ],
  async run(context, invocation) {
    const { postGivenMetrics } = await import('../tower/post-metrics.ts');
    return postGivenMetrics(context, invocation);
  },
});

const exportCommand = defineCommand({
  name: 'export',
  summary: 'Write all that Control Tower knows to one file: a backup, or on the way to another database.',
  argument: { name: 'file', description: 'File to write: lines of JSON, gzip, with a checksum.' },
  options: [],
  flags: { ...storeFlags, replace: { type: 'boolean', description: 'Write over the file that is there.', default: false } },
  examples: [
    {
      command: 'flightcheck tower export tower.gz --database-url postgresql://tower@db/tower',
      meaning: 'The state of one moment, while servers go on. Embedded data are exported while no server has them.',
    },
  ],
  async run(context, invocation) {
    const { exportTower } = await import('../tower/move.ts');
    return exportTower(context, invocation);
  },
});

const importCommand = defineCommand({
  name: 'import',
  summary: 'Read an export into an empty database, embedded or PostgreSQL: all of it or nothing.',
  argument: { name: 'file', description: 'What flightcheck tower export wrote, of this version or an earlier one.' },
  options: [],
  flags: storeFlags,
  examples: [
    {
      command: 'flightcheck tower import tower.gz --database-url postgresql://tower@db/tower',
      meaning: 'Moves from the embedded database to PostgreSQL, or restores a backup. Tokens go on being valid.',
    },
  ],
  async run(context, invocation) {
    const { importTower } = await import('../tower/move.ts');
    return importTower(context, invocation);
  },
});

export const command = defineCommand({
  name: 'tower',
  summary: 'Control Tower: what runs, how ready it is, and since when.',
  options: [],
  examples: serve.examples,
  commands: [serve, post, demoData, tokenCommand, exportCommand, importCommand],
});
