/** `flightcheck tower token`: what there is to say on the command line. */
import { defineCommand } from '../command.ts';
import { storeFlags } from './store.ts';

const tokenFlags = {
  ...storeFlags,
  'tower-url': {
    type: 'string',
    description:
      'Ask this running server, with the admin token of FLIGHTCHECK_TOWER_TOKEN, instead of the database. Default: the variable FLIGHTCHECK_TOWER_URL, unless a database is named.',
  },
} as const;
const tokenName = { name: 'name', description: 'Name of the token.' };

export const tokenCommand = defineCommand({
  name: 'token',
  summary: 'Tokens for machines: make, list, revoke.',
  options: [],
  examples: [
    {
      command: 'flightcheck tower token create nightly-monitor --role write --namespace risk --days 90',
      meaning: 'A token that writes for the projects below risk; it is shown once.',
    },
  ],
  commands: [
    defineCommand({
      name: 'create',
      summary: 'Make a token; it is shown once.',
      argument: tokenName,
      options: [],
      flags: {
        ...tokenFlags,
        role: { type: 'string', description: 'What it may do.', options: ['read', 'write', 'admin'], default: 'write' },
        namespace: { type: 'string', description: 'Only for projects at or below this path; all when absent.' },
        model: { type: 'string', description: 'Only for this model; all when absent.' },
        days: { type: 'number', description: 'Days until it expires; 0 for never.', default: 365 },
      },
      examples: [
        {
          command:
            'flightcheck tower token create nightly-monitor --role write --namespace risk --days 90 --tower-url http://127.0.0.1:4700',
          meaning: 'Through the running server; the embedded database has room for one process.',
        },
      ],
      async run(context, invocation) {
        const { createTowerToken } = await import('./token.ts');
        return createTowerToken(context, invocation);
      },
    }),
    defineCommand({
      name: 'list',
      summary: 'List the tokens in use: role, place, last use, expiry.',
      options: [],
      flags: tokenFlags,
      examples: [{ command: 'flightcheck tower token list --json', meaning: 'As JSON; the tokens themselves are not kept.' }],
      async run(context, invocation) {
        const { listTowerTokens } = await import('./token.ts');
        return listTowerTokens(context, invocation);
      },
    }),
    defineCommand({
      name: 'revoke',
      summary: 'Revoke a token.',
      argument: tokenName,
      options: [],
      flags: tokenFlags,
      examples: [{ command: 'flightcheck tower token revoke nightly-monitor', meaning: 'From then on it is refused.' }],
      async run(context, invocation) {
        const { revokeTowerToken } = await import('./token.ts');
        return revokeTowerToken(context, invocation);
      },
    }),
  ],
});
