import { spawn } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';

// The holder of a lock may remove the file, so whoever got the lock has to look whether it is still the file's.
const take = `
while :; do
  exec 9>>"$1"
  flock 9
  [ "$(stat -Lc %d:%i /proc/self/fd/9)" = "$(stat -c %d:%i "$1" 2>/dev/null)" ] && break
done
echo held
exec cat 9>&9
`;

/**
 * Does the work while no other process of this machine holds the same lock. The lock is the kernel's: it is released
 * with this process, however that ends.
 */
export async function locked<T>(path: string, work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  await mkdir(dirname(path), { recursive: true });
  const holder = spawn('sh', ['-euc', take, 'lock', path], {
    stdio: ['pipe', 'pipe', 'inherit'],
    ...(signal && { signal }),
  });
  const gone = new Promise<void>((resolve) => {
    holder.once('close', () => resolve());
  });
  await new Promise<void>((resolve, reject) => {
    holder.once('error', reject);
    holder.once('exit', (code) => reject(new Error(`cannot lock ${path}: flock ended with ${code}`)));
    holder.stdout.once('data', () => resolve());
  });
  try {
    return await work();
  } finally {
    holder.stdin.end();
    await gone;
  }
}
