/** JSON Schemas of dashboards. */
import { object } from './schema-words.ts';

const text = { type: 'string' } as const;

/** Each is asked whenever the dashboard is opened. */
export const mostPanels = 24;

const asked = {
  name: { ...text, minLength: 1, maxLength: 100, pattern: '\\S' },
  panels: {
    type: 'array',
    minItems: 1,
    maxItems: mostPanels,
    items: object('One question, drawn as the page Explore draws it.', {
      title: { ...text, minLength: 1, maxLength: 120, pattern: '\\S' },
      question: {
        ...text,
        minLength: 1,
        maxLength: 4000,
        description: 'What stands behind /explore? in the address of the question.',
      },
    }),
  },
} as const;

const audience = {
  namespace: {
    ...text,
    maxLength: 500,
    pattern: '^([^/\\s]+(/[^/\\s]+)*)?$',
    description:
      'Shown to those who may read everything at or below this path; all projects when empty. When absent: the only namespace of which the sender is admin.',
  },
  shared: {
    type: 'boolean',
    default: false,
    description: 'Shown, name and questions included, to every reader; each gets the numbers that he may see.',
  },
} as const;

export const dashboardSchema = {
  ...object('Questions of the page Explore that stand together.', { ...asked, ...audience }),
  required: ['name', 'panels'],
} as const;

export const storedDashboardSchema = object('A dashboard.', {
  id: text,
  ...asked,
  ...audience,
  savedBy: text,
  savedAt: { ...text, format: 'date-time' },
});

export const dashboardsPageSchema = object('Dashboards, by name.', {
  items: { type: 'array', items: { $ref: '#/components/schemas/StoredDashboard' } },
});
