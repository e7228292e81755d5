/** A process that takes the lock of a folder and holds it until it is killed. */
import { takeLock } from '../../../src/tower/store/lock.ts';

takeLock(process.argv[2] ?? '');
process.stdout.write('held\n');
setInterval(() => {}, 60_000);
