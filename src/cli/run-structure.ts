/** Wires the structure suite: adapters, rules, run, report. */
import { openGitLab } from '../adapters/gitlab.ts';
import { loadStructureCheck, structureSuite } from '../engine/rules.ts';
import { runSuite } from '../engine/run.ts';
import { selectChecks } from '../engine/select.ts';
import type { Context, Invocation } from './command.ts';
import { finish } from './finish.ts';
import { optionValue } from './options.ts';
import { openRepo, reportOf } from './repo.ts';
import { triggerOf } from './surroundings.ts';
