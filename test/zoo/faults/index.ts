/** Every fault of the zoo, in the order of the tests that catch them. */
import type { Fault } from '../fault.ts';
import { dataFaults } from './data.ts';
import { infraFaults } from './infra.ts';
import { modelFaults } from './model.ts';
import { monitoringFaults } from './monitoring.ts';

export const faults: readonly Fault[] = [...dataFaults, ...modelFaults, ...infraFaults, ...monitoringFaults];
