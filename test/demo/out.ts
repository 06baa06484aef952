/** Where the demo writes: words to people, or objects to programs and words beside them. */

export interface Out {
  /** Whether a person sees a terminal, on which a line may be drawn again and again. */
  terminal: boolean;
  say(line: string): void;
  /** An object for programs, if they are who asked. */
  result(object: object): void;
}

/** @param gone is called when nobody reads any more */
export function openOut(json: boolean, gone: (error: Error) => void): Out {
  const words = json ? process.stderr : process.stdout;
  for (const stream of [process.stdout, process.stderr]) stream.on('error', gone);
  return {
    terminal: words.isTTY && process.stderr.isTTY,
    say: (line) => void words.write(`${line}\n`),
    result(object) {
      if (json) process.stdout.write(`${JSON.stringify(object)}\n`);
    },
  };
}
