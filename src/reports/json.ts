import type { Report } from '../kernel/report.ts';

/** The report itself; control characters leave as JSON escapes. */
export const renderJson = (report: Report): string => `${JSON.stringify(report, null, 2)}\n`;
