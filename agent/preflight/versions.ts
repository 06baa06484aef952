/** The oldest that will do. Pure. */
export const oldestCriu = [4, 0];
export const oldestKernel = [5, 9];

/** @param version as a program or kernel tells it: 4.2, 6.1.0-37-amd64 */
export function isOlder(version: string, [major = 0, minor = 0]: readonly number[]): boolean {
  const [is = 0, has = 0] = version.split(/[.-]/).map(Number);
  return is < major || (is === major && has < minor);
}
