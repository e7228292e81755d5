/** The part of `/openapi.json` about badges. */
import { signedBadgeQuery } from './badges.ts';
import { type Get, json, modelId, parameters, problem } from './openapi-words.ts';

export const badgePaths = (get: Get): Readonly<Record<string, object>> => ({
  '/v1/models/{id}/badge': get(
    'signBadge',
    'A signed address of the badge of a model, for readers of it.',
    { parameters: [modelId, ...parameters(signedBadgeQuery)] },
    { 200: json('The address.', 'SignedBadge'), 404: problem('No such model.') },
  ),
  '/v1/badges/signed': {
    delete: {
      operationId: 'revokeBadges',
      summary: 'Ends every address of a badge that was signed: the key is replaced.',
      security: [{ bearer: [] }],
      responses: { 204: { description: 'Done.' }, 401: problem('No valid token.'), 403: problem('Not an admin.') },
    },
  },
});
