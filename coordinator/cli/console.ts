/** Where a command writes and how it is interrupted: the process, or a test. */
import { type Progress, lineProgress, plainProgress, silent } from './progress.ts';
import { type Format, isForPrograms } from './show.ts';

type Stream = Pick<NodeJS.WriteStream, 'write' | 'isTTY' | 'columns' | 'rows'>;

export interface Console {
  out: Stream;
  err: Stream;
  /** Calls for each Ctrl-C until what it returns is called. */
  onInterrupt(listener: () => void): () => void;
}

export const processConsole: Console = {
  out: process.stdout,
  err: process.stderr,
  onInterrupt(listener) {
    for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, listener);
    return () => {
      for (const name of ['SIGINT', 'SIGTERM'] as const) process.removeListener(name, listener);
    };
  },
};

/** stdout belongs to the object when a program reads it. */
export function progressFor({ out, err }: Console, format: Format): Progress {
  if (isForPrograms(format)) return err.isTTY ? lineProgress(err) : silent;
  return out.isTTY ? lineProgress(out) : plainProgress(out);
}

export function printLines({ err }: Console, lines: readonly string[]): void {
  for (const line of lines) err.write(`${line}\n`);
}
