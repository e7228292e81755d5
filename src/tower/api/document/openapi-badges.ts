/** The part of `/openapi.json` about badges. */
import { badgeToSignSchema } from '../badges.ts';
import { json, modelId, problem, tooMany } from './openapi-words.ts';

export const badgePaths: Readonly<Record<string, object>> = {
  '/v1/models/{id}/badge': {
    post: {
      operationId: 'signBadge',
      summary: 'Signs an address of the badge of a model: everybody who has it sees the badge. For readers of the model.',
      security: [{ bearer: [] }],
      parameters: [modelId],
      requestBody: { required: true, content: { 'application/json': { schema: badgeToSignSchema } } },
      responses: {
        201: json('The address.', 'SignedBadge'),
        400: problem('Not a badge, with pointers.'),
        401: problem('No valid token.'),
        403: problem('A job.'),
        404: problem('No such model.'),
        413: problem('Too large.'),
        415: problem('Not JSON.'),
        ...tooMany,
      },
    },
  },
  '/v1/badges/signed': {
    delete: {
      operationId: 'revokeBadges',
      summary: 'Ends every address of a badge that was signed: the key is replaced.',
      security: [{ bearer: [] }],
      responses: { 204: { description: 'Done.' }, 401: problem('No valid token.'), 403: problem('Not an admin.'), ...tooMany },
    },
  },
};
