/** RESP 2, the protocol of Redis, as far as SET, GET and a few more need it. */

export type Reply = string | number | Buffer | null | ReplyError | Reply[];

export class ReplyError extends Error {}

export function writeCommand(words: readonly (string | Buffer)[]): Buffer {
  const parts: Buffer[] = [Buffer.from(`*${words.length}\r\n`)];
  for (const word of words) {
    const bytes = typeof word === 'string' ? Buffer.from(word) : word;
    parts.push(Buffer.from(`$${bytes.length}\r\n`), bytes, Buffer.from('\r\n'));
  }
  return Buffer.concat(parts);
}

/** @returns the reply that begins at an offset and where the next one begins; undefined if it is not there whole */
export function readReply(bytes: Buffer, at: number): { reply: Reply; next: number } | undefined {
  const end = bytes.indexOf('\r\n', at);
  if (end === -1) return undefined;
  const line = bytes.toString('utf8', at + 1, end);
  const next = end + 2;
  const kind = String.fromCharCode(bytes[at] ?? 0);
  switch (kind) {
    case '+':
      return { reply: line, next };
    case '-':
      return { reply: new ReplyError(line), next };
    case ':':
      return { reply: Number(line), next };
    case '$':
      return readBytes(bytes, Number(line), next);
    case '*':
      return readList(bytes, Number(line), next);
    default:
      throw new Error(`not RESP: ${JSON.stringify(kind + line)}`);
  }
}

function readBytes(bytes: Buffer, length: number, at: number): { reply: Reply; next: number } | undefined {
  if (length < 0) return { reply: null, next: at };
  const next = at + length + 2;
  return bytes.length < next ? undefined : { reply: bytes.subarray(at, at + length), next };
}

function readList(bytes: Buffer, length: number, at: number): { reply: Reply; next: number } | undefined {
  if (length < 0) return { reply: null, next: at };
  const list: Reply[] = [];
  for (let next = at; ; ) {
    if (list.length === length) return { reply: list, next };
    const read = readReply(bytes, next);
    if (read === undefined) return undefined;
    list.push(read.reply);
    next = read.next;
  }
}
