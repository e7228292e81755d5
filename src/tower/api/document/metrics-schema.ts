/** Schema of POST /v1/metrics: a metric is what it is in a report, with a time of its own. */
import reportSchema from '../../../kernel/report.schema.json' with { type: 'json' };

const { metric } = reportSchema.$defs;
const time = { type: 'string', format: 'date-time' } as const;

export const metricsSchema = {
  type: 'object',
  description: 'Numbers of one model. All are stored or none.',
  additionalProperties: false,
  required: ['model', 'metrics'],
  properties: {
    model: { type: 'string', description: 'Name of the model.', minLength: 1, maxLength: 200 },
    project: {
      type: 'string',
      description: 'Path of its project, where several have a model of that name.',
      minLength: 1,
      maxLength: 1000,
    },
    environment: { type: 'string', description: 'Where it runs: production, staging, ...', maxLength: 100 },
    alert: {
      ...reportSchema.properties.run.properties.alert,
      description: 'Id of the alert that started what posts, as FLIGHTCHECK_ALERT_ID names it.',
    },
    at: { ...time, description: 'Time of the metrics that have none of their own; now when absent.' },
    metrics: {
      type: 'array',
      minItems: 1,
      maxItems: 10_000,
      items: {
        ...metric,
        properties: {
          ...metric.properties,
          unit: {
            ...metric.properties.unit,
            description: 'Unit: 1, s, By, ... When absent that in which the metric of this name first came from the model.',
          },
          at: { ...time, description: 'Time of the value.' },
        },
      },
    },
  },
} as const;
