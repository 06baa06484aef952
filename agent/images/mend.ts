/** What CRIU cannot write down as it is, put right before it is sent. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { file_entry as FileEntry } from '../../proto/gen/criu/fdinfo_pb.ts';
import { type Change, changeImage, readImage } from './change.ts';
import { checkVersion, coreImage, filesImage, inventoryImage } from './image.ts';
import { restartInterruptedCalls } from './interrupted-calls.ts';
import { keepTimersGoing } from './timers.ts';

/**
 * @param directory images of one container, complete
 * @param more what else is to be changed in its files.img
 * @throws Fault DumpFailed when they have a format that we do not know
 */
export function mendImages(directory: string, ...more: Change<FileEntry>[]): void {
  const inventory = join(directory, 'inventory.img');
  checkVersion(inventory, readImage(inventoryImage, inventory));
  for (const name of readdirSync(directory)) {
    const path = join(directory, name);
    if (coreImage.name.test(name)) changeImage(coreImage, path, [restartInterruptedCalls]);
    else if (filesImage.name.test(name)) changeImage(filesImage, path, [keepTimersGoing, ...more]);
  }
}
