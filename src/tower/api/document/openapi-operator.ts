/** The part of `/openapi.json` that is the operator's: rules, alerts, tokens, the audit. */

import { waiversQuery } from '../waivers.ts';
import { type Get, json, modelId, parameters, problem, table, tooMany } from './openapi-words.ts';
import { alertsQuery, backtestQuery, rulesQuery } from './rule-schemas.ts';
import { auditQuery } from './token-schemas.ts';

const ruleId = { ...modelId, description: 'Id of the rule.' };
const writing = {
  security: [{ bearer: [] }],
  responses: {
    400: problem('Not JSON.'),
    401: problem('No valid token.'),
    403: problem('Of a namespace that the sender is not admin of; a job may not, nor another origin.'),
    404: problem('No such rule.'),
    415: problem('Not JSON.'),
    422: problem('Not valid: pointers say where.'),
    ...tooMany,
  },
};
const ruleBody = (schema: object) => ({ required: true, content: { 'application/json': { schema } } });

export function rulePaths(get: Get): Readonly<Record<string, object>> {
  const alertId = { ...modelId, description: 'Id of the alert.' };
  const noAlert = { 404: problem('No such alert.') };
  const noRule = { 404: problem('No such rule.') };
  const enabled = {
    type: 'object',
    additionalProperties: false,
    required: ['enabled'],
    properties: { enabled: { type: 'boolean' } },
  };
  return {
    '/v1/rules': {
      ...get('listRules', 'The rules.', { parameters: parameters(rulesQuery) }, { 200: json('A page of rules.', 'RulesPage') }),
      post: {
        operationId: 'postRule',
        summary: 'Makes a rule; it is off unless it says otherwise.',
        ...writing,
        requestBody: ruleBody({ $ref: '#/components/schemas/Rule' }),
        responses: {
          201: json('Made.', 'StoredRule'),
          ...writing.responses,
          413: problem('Too large.'),
        },
      },
    },
    '/v1/rules/{id}': {
      ...get('getRule', 'One rule.', { parameters: [ruleId] }, { 200: json('The rule.', 'StoredRule'), ...noRule }),
      patch: {
        operationId: 'switchRule',
        summary: 'Switches a rule on or off; off, its alerts are closed.',
        ...writing,
        parameters: [ruleId],
        requestBody: ruleBody(enabled),
        responses: { 200: json('The rule.', 'StoredRule'), ...writing.responses, 413: problem('Too large.') },
      },
      delete: {
        operationId: 'retireRule',
        summary: 'Takes a rule away; its alerts stay on record.',
        ...writing,
        parameters: [ruleId],
        responses: { 204: { description: 'Done.' }, ...writing.responses },
      },
    },
    '/v1/rules/{id}/backtest': get(
      'backtestRule',
      'What the rule would have raised over the past.',
      { parameters: [ruleId, ...parameters(backtestQuery)] },
      { 200: json('Alerts that would have been.', 'Backtest'), ...noRule },
    ),
    '/v1/alerts': get(
      'listAlerts',
      'Alerts, newest first.',
      { parameters: parameters(alertsQuery) },
      { 200: table('A page of alerts.', 'AlertsPage'), 404: problem('No such model.') },
    ),
    '/v1/alerts/{id}': get(
      'getAlert',
      'One alert, with what came of it.',
      { parameters: [alertId] },
      { 200: json('The alert.', 'AlertInFull'), ...noAlert },
    ),
    '/v1/alerts/{id}/acknowledge': {
      post: {
        operationId: 'acknowledgeAlert',
        summary: 'Says that somebody has taken notice, and why that is enough. Needs the role write for the model.',
        ...writing,
        parameters: [alertId],
        requestBody: ruleBody({ $ref: '#/components/schemas/Acknowledgement' }),
        responses: { 200: json('The alert.', 'AlertInFull'), ...writing.responses, ...noAlert, 413: problem('Too large.') },
      },
    },
  };
}

export function tokenPaths(get: Get): Readonly<Record<string, object>> {
  const { security, responses } = writing;
  const { 404: _, ...noId } = responses;
  return {
    '/v1/tokens': {
      ...get(
        'listTokens',
        'The tokens in use, without their secrets.',
        { security },
        {
          200: json('Tokens.', 'TokensPage'),
          401: problem('No valid token.'),
          403: problem('Not an admin.'),
        },
      ),
      post: {
        operationId: 'postToken',
        summary: 'Makes a token for a machine; it is shown once.',
        security,
        requestBody: ruleBody({ $ref: '#/components/schemas/NewToken' }),
        responses: { 201: json('Made.', 'MadeToken'), ...noId, 413: problem('Too large.') },
      },
    },
    '/v1/tokens/{id}': {
      delete: {
        operationId: 'revokeToken',
        summary: 'Revokes a token.',
        security,
        parameters: [{ ...modelId, description: 'Id of the token.' }],
        responses: {
          204: { description: 'Done.' },
          401: responses[401],
          403: responses[403],
          404: problem('No such token.'),
          ...tooMany,
        },
      },
    },
    '/v1/waivers': get(
      'listWaivers',
      'What models may fail for a time, as their newest reports say.',
      { parameters: parameters(waiversQuery) },
      { 200: json('A page of waivers.', 'WaiversPage') },
    ),
    '/v1/audit': get(
      'listAudit',
      'Who did what, newest first.',
      { parameters: parameters(auditQuery) },
      { 200: json('A page of acts.', 'AuditPage') },
    ),
  };
}
