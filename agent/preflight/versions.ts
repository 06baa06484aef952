/** The oldest that will do, and the newest that is known. Pure. */
export const oldestCriu = [4, 0];
/** Its images are read and changed, so their format has to be known. */
const newestCriuMajor = 4;
export const oldestKernel = [5, 9];

/** @param version as a program or kernel tells it: 4.2, 6.1.0-37-amd64 */
export function isOlder(version: string, [major = 0, minor = 0]: readonly number[]): boolean {
  const [is = 0, has = 0] = version.split(/[.-]/).map(Number);
  return is < major || (is === major && has < minor);
}

/** What keeps a CRIU from being used, to be said behind its name; undefined if it will do. */
export function againstCriu(version: string): string | undefined {
  if (isOlder(version, oldestCriu)) return `${version} is too old: ${oldestCriu.join('.')} or newer is needed`;
  if (!isOlder(version, [newestCriuMajor + 1])) {
    return `${version} is too new: the format of its images is known up to ${newestCriuMajor}.x only`;
  }
  return undefined;
}
