// Prints how many tests of vitest's JSON reports in a directory passed and failed, and names what failed on standard
// error; a skipped test counts as failed.
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';

const directory = process.argv[2];
const reports = readdirSync(directory)
  .filter((name) => name.endsWith('.json'))
  .map((name) => JSON.parse(readFileSync(join(directory, name), 'utf8')));
const sum = (field) => reports.reduce((total, report) => total + report[field], 0);
const files = reports.flatMap((report) => report.testResults);
// A file that cannot even be loaded has no test that could fail.
const unloadable = files.filter(({ status, assertionResults }) => status === 'failed' && assertionResults.length === 0);
const failed = sum('numFailedTests') + sum('numPendingTests') + sum('numTodoTests') + unloadable.length;

const where = ({ name }) => relative(process.cwd(), name);
for (const file of files) {
  for (const { status, fullName, failureMessages } of file.assertionResults) {
    if (status !== 'passed') console.error(`== ${status}: ${where(file)}: ${fullName}\n${failureMessages.join('\n')}`);
  }
}
for (const file of unloadable) console.error(`== could not be loaded: ${where(file)}: ${file.message}`);
console.log(`${sum('numPassedTests')} ${failed}`);
