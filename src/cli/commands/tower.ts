/** `flightcheck tower`: Control Tower, the service that reports are posted to. */
import { defineCommand } from '../command.ts';

const serve = defineCommand({
  name: 'serve',
  summary: 'Run Control Tower: take reports, show every model.',
  options: [],
  flags: {
    data: {
      type: 'string',
      description: 'Folder of the embedded database. Default: flightcheck/tower in XDG_DATA_HOME or ~/.local/share.',
    },
    'database-url': {
      type: 'string',
      description:
        'PostgreSQL 15 or later instead: postgresql://user@host/name. Default: the variable DATABASE_URL, unless --data is given.',
    },
    host: {
      type: 'string',
      description: 'Address to listen on. Other than this machine needs PostgreSQL.',
      default: '127.0.0.1',
    },
    port: { type: 'number', description: 'Port to listen on; 0 takes a free one.', default: 4700 },
    'gitlab-issuer': {
      type: 'array',
      description: 'Addresses of GitLab servers whose id_tokens are trusted, comma-separated.',
      default: [],
    },
    audience: { type: 'string', description: "The aud of those id_tokens, usually this server's address." },
    'default-branch': {
      type: 'array',
      description: 'Names of protected branches that write the record, comma-separated.',
      default: ['main', 'master'],
    },
    'token-file': { type: 'string', description: 'Take the write token from this file; make the file when it does not exist.' },
    'new-token': {
      type: 'boolean',
      description: 'Replace the write token and show the new one; only its hash is kept.',
      default: false,
    },
    'ready-file': { type: 'string', description: 'Write address and token as JSON to this file when ready; removed at the end.' },
  },
  examples: [
    {
      command: 'flightcheck tower serve',
      meaning: 'On this machine, with the embedded database; shows the write token the first time.',
    },
    {
      command: 'flightcheck tower serve --port 0 --json',
      meaning: 'On a free port; one line of JSON with address and token for a script.',
    },
    {
      command:
        'DATABASE_URL=postgresql://tower@db/tower flightcheck tower serve --host 0.0.0.0 --gitlab-issuer https://gitlab.example.com --audience https://tower.example.com',
      meaning: 'For an organisation, on PostgreSQL, trusting the jobs of one GitLab.',
    },
  ],
  async run(context, invocation) {
    const { serveTower } = await import('../serve-tower.ts');
    return serveTower(context, invocation);
  },
});

export const command = defineCommand({
  name: 'tower',
  summary: 'Control Tower: what runs, how ready it is, and since when.',
  options: [],
  examples: serve.examples,
  commands: [serve],
});
