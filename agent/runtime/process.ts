/** What /proc tells of a container's processes. */
import { readFileSync, readlinkSync } from 'node:fs';

export interface Mount {
  mountPoint: string;
  /** Of this mount: "ro,nosuid". */
  options: string;
  type: string;
  /** What within the file system is mounted. */
  root: string;
  source: string;
}

/** Mounts of a process, in the order in which they were made. */
export function mountsOf(pid: number): Mount[] {
  return readFileSync(`/proc/${pid}/mountinfo`, 'utf8')
    .trim()
    .split('\n')
    .map((line) => {
      const [left = '', right = ''] = line.split(' - ');
      const [, , , root = '', mountPoint = '', options = ''] = left.split(' ');
      const [type = '', source = ''] = right.split(' ');
      return { mountPoint: unescape(mountPoint), options, root: unescape(root), type, source: unescape(source) };
    });
}

/** mountinfo writes blanks, tabs, line ends and backslashes in octal. */
function unescape(text: string): string {
  return text.replaceAll(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}

/** What a process's first three descriptors link to; runc finds a restored container's stdio by these. */
export function descriptorsOf(pid: number): string[] {
  return [0, 1, 2].map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`));
}

/** Resident memory in bytes, as the kernel counts it for one process. */
export function residentBytes(pid: number): number {
  const pages = readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1];
  return Number(pages) * 4096;
}

export type NamespaceKind = 'net' | 'uts' | 'ipc' | 'pid' | 'mnt' | 'cgroup' | 'user';

/** Identifies a namespace, like "net:[4026531840]". */
export function namespaceOf(pid: number | 'self', kind: NamespaceKind): string {
  return readlinkSync(`/proc/${pid}/ns/${kind}`);
}
