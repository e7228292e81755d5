/** A process that writes reports until it is killed, and says on stdout which were acknowledged. */
import { openStore } from '../../../src/tower/store/open.ts';
import { writeReport } from '../../../src/tower/store/write-report.ts';
import { sampleReport, submissionOf } from '../sample.ts';

const [folder = '', firstJob = '0'] = process.argv.slice(2);
const store = await openStore({ folder });
process.stdout.write('open\n');
for (let job = Number(firstJob); ; job++) {
  const at = new Date(Date.UTC(2026, 0, 1) + job * 1000).toISOString();
  await writeReport(store.db, submissionOf(sampleReport({ jobId: String(job), at })));
  process.stdout.write(`${job}\n`);
}
