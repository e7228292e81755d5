/** The part of `/openapi.json` about saved dashboards. */
import { type Get, json, modelId, problem, tooMany } from './openapi-words.ts';

const security = [{ bearer: [] }];
const requestBody = {
  required: true,
  content: { 'application/json': { schema: { $ref: '#/components/schemas/Dashboard' } } },
};
const parameters = [{ ...modelId, description: 'Id of the dashboard.' }];
const ifMatch = {
  name: 'If-Match',
  in: 'header',
  description:
    'ETag of the dashboard as it was read: refused where somebody has saved it since. Without it whatever is there is replaced.',
  schema: { type: 'string', maxLength: 400 },
};
const changed = { 412: problem('Somebody has saved it since it was read.') };
const withTag = (description: string) => ({
  ...json(description, 'StoredDashboard'),
  headers: { ETag: { description: 'Of this version; for If-Match.', schema: { type: 'string' } } },
});
const noSuch = { 404: problem('No such dashboard.') };
const refused = {
  401: problem('No valid token.'),
  403: problem('Of a namespace that the sender is not admin of; a job may not, nor another origin.'),
  ...tooMany,
};
const notTaken = {
  ...refused,
  400: problem('Not JSON.'),
  413: problem('Too large.'),
  415: problem('Not JSON.'),
  422: problem('Not valid: pointers say where.'),
};

export const dashboardPaths = (get: Get): Readonly<Record<string, object>> => ({
  '/v1/dashboards': {
    ...get('listDashboards', 'Saved dashboards.', {}, { 200: json('Dashboards.', 'DashboardsPage') }),
    post: {
      operationId: 'postDashboard',
      summary: 'Saves questions of the page Explore as a dashboard.',
      security,
      requestBody,
      responses: { 201: withTag('Saved.'), ...notTaken },
    },
  },
  '/v1/dashboards/{id}': {
    ...get('getDashboard', 'One dashboard.', { parameters }, { 200: withTag('The dashboard.'), ...noSuch }),
    put: {
      operationId: 'putDashboard',
      summary: 'Saves a dashboard anew.',
      security,
      parameters: [...parameters, ifMatch],
      requestBody,
      responses: { 200: withTag('Saved.'), ...notTaken, ...noSuch, ...changed },
    },
    delete: {
      operationId: 'deleteDashboard',
      summary: 'Deletes a dashboard.',
      security,
      parameters: [...parameters, ifMatch],
      responses: { 204: { description: 'Done.' }, ...refused, ...noSuch, ...changed },
    },
  },
});
