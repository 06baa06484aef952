/** Where an identity comes from: a directory whose files others replace, or whatever else makes certificates. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Fault } from './fault.ts';

/** In PEM. */
export interface Files {
  ca: Buffer;
  cert: Buffer;
  key: Buffer;
}

export interface Source {
  /** For errors and the log. */
  readonly where: string;
  /** What it is at present. @throws Fault InvalidArgument */
  read(): Files;
  /** Calls when it is worth reading again. @returns what ends it */
  watch(look: () => void): () => void;
}

export function directorySource(directory: string, refreshMs: number): Source {
  return {
    where: directory,
    read() {
      const [ca, cert, key] = ['ca.crt', 'tls.crt', 'tls.key'].map((name) => read(join(directory, name))) as [
        Buffer,
        Buffer,
        Buffer,
      ];
      return { ca, cert, key };
    },
    watch(look) {
      // Not fs.watch: a watch is lost when the directory itself is replaced, and it can be refused (inotify limits).
      const timer = setInterval(look, refreshMs).unref();
      return () => clearInterval(timer);
    },
  };
}

/** @throws Fault InvalidArgument */
export function read(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    const what = `cannot read ${path}: ${(error as NodeJS.ErrnoException).code}`;
    throw new Fault('InvalidArgument', `${what}; a directory of certificates holds ca.crt, tls.crt and tls.key`, {
      cause: error,
    });
  }
}
