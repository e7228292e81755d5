/** What metrics of known names are; others speak for themselves. */
const words: Readonly<Record<string, string>> = {
  'check.value': 'Value that a check measured',
  'data.rows': 'Rows of a table',
  'hooks.seconds': "Time of the model's own commands",
  'model.age': 'Days since training',
  'model.drift.psi': 'Drift of features (PSI)',
  'model.latency.p95': 'Time to a prediction, 95th percentile',
  'model.prediction.psi': 'Drift of predictions (PSI)',
  'model.quality.accuracy': 'Accuracy',
  'model.quality.auc': 'Quality (AUC)',
  'model.quality.rmse': 'Error (RMSE)',
  'model.requests': 'Predictions asked for',
  'section.score': 'Score of each section, as reported',
  'suite.score': 'Score of each suite, as reported',
  'task.cpu': 'CPU time of tasks',
  'task.memory': 'Memory of tasks',
  'tower.score.paper': 'ML Test Score, paper: the tests run',
  'tower.score.passing': 'ML Test Score: the tests run and hold',
  'tower.score.section': 'ML Test Score of each section',
  'tower.score.structure': 'Structure score',
};

export const sayMetric = (name: string): string | undefined => (Object.hasOwn(words, name) ? words[name] : undefined);
