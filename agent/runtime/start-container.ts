/** node start-container.ts SOCKET CONTAINER DEADLINE_MS REPORT, when there is a line on stdin: see start-apart.ts. */
import { renameSync, writeFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { connect } from './containerd.ts';

const [socket = '', container = '', deadlineMs = '', report = ''] = process.argv.slice(2);
const runtime = connect(socket);
// The end without a line: it was cancelled, or the agent has died before its turn came.
if ((await text(process.stdin)) === '') process.exit();
let why = '';
try {
  await runtime.startContainer(container, Number(deadlineMs));
} catch (error) {
  why = (error as Error).message;
}
runtime.close();
writeFileSync(`${report}.new`, why);
renameSync(`${report}.new`, report);
