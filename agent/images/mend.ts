/** What CRIU cannot write down as it is, put right before it is sent. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { restartInterruptedCalls } from './interrupted-calls.ts';
import { keepTimersGoing } from './timers.ts';

/** @param directory images of one container, complete */
export function mendImages(directory: string): void {
  for (const name of readdirSync(directory)) {
    const mend = /^core-\d+\.img$/.test(name)
      ? restartInterruptedCalls
      : name === 'files.img'
        ? keepTimersGoing
        : undefined;
    if (mend === undefined) continue;
    const image = readFileSync(join(directory, name));
    // Over what is there, and as long as that was: CRIU has the file open still.
    if (mend(image)) writeFileSync(join(directory, name), image, { flag: 'r+' });
  }
}
