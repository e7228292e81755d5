/** The dashboard of the made-up organisation: what its board looks at. */
import { listDashboards, type Panel, saveDashboard } from '../store/dashboards.ts';
import type { Database } from '../store/database.ts';

const name = 'Board pack';
const panels: readonly Panel[] = [
  { title: 'Readiness by tier', question: 'metric=tower.score.passing&by=tier&last=180d&bucket=week&fill=last&order=low' },
  { title: 'Models whose features drift most', question: 'metric=model.drift.psi&agg=max&by=model&last=30d&limit=5' },
  {
    title: 'Score of the sections by owner, against the quarter before',
    question: 'metric=tower.score.section&by=owner&bucket=none&compare=previous&order=low&limit=10',
  },
  { title: 'CPU time by business unit', question: 'metric=task.cpu&agg=sum&by=business_unit&last=90d&bucket=week' },
  { title: 'Age of the critical models', question: 'metric=model.age&by=model&where=tier:critical&last=90d&look=small&limit=12' },
];

export async function addBoard(db: Database): Promise<void> {
  const there = await listDashboards(db, null);
  if (!there.some((dashboard) => dashboard.name === name))
    await saveDashboard(db, { name, panels, savedBy: 'demo data', namespace: '', isShared: true });
}
