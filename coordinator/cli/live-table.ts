/** A table that is drawn over itself again and again, on a terminal. */

type Out = Pick<NodeJS.WriteStream, 'write' | 'columns' | 'rows'>;

export interface LiveTable {
  /** Makes room for a line of somebody else's; the table comes again below it. */
  wipe(): void;
  /** Leaves a clean screen behind. */
  end(): void;
}

/** @param text lines, the first of them titles */
export function liveTable(out: Out, text: () => string, everyMs = 100): LiveTable {
  let drawn = 0;
  const wipe = () => {
    if (drawn > 0) out.write(`\x1b[${drawn}A\r\x1b[J`);
    drawn = 0;
  };
  const timer = setInterval(() => {
    // A terminal of unknown size says 0. What would scroll away could not be drawn over.
    const most = Math.max(2, (out.rows || 24) - 1);
    const width = (out.columns || 80) - 1;
    const lines = text().split('\n');
    const shown = lines.length > most ? [...lines.slice(0, most - 1), `… ${lines.length - most + 1} more`] : lines;
    wipe();
    out.write(shown.map((line) => `${line.slice(0, width)}\n`).join(''));
    drawn = shown.length;
  }, everyMs);
  return {
    wipe,
    end() {
      clearInterval(timer);
      wipe();
    },
  };
}
