// Prints how many tests of vitest's JSON reports in a directory passed and failed; a skipped one counts as failed.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const directory = process.argv[2];
const reports = readdirSync(directory)
  .filter((name) => name.endsWith('.json'))
  .map((name) => JSON.parse(readFileSync(join(directory, name), 'utf8')));
const sum = (field) => reports.reduce((total, report) => total + report[field], 0);
const files = reports.flatMap((report) => report.testResults);
// A file that cannot even be loaded has no test that could fail.
const unloadable = files.filter(({ status, assertionResults }) => status === 'failed' && assertionResults.length === 0);
const failed = sum('numFailedTests') + sum('numPendingTests') + sum('numTodoTests') + unloadable.length;
console.log(`${sum('numPassedTests')} ${failed}`);
