/**
 * CRIU's images as far as we have to know them: two magic numbers; then entries, each behind its length, in protocol
 * buffers. Nothing is ever made longer or shorter, so that what we do not know stays as it is.
 */

const headerBytes = 8;

interface Field {
  number: number;
  /** Of its value; for bytes and messages, of their content. */
  begin: number;
  end: number;
  isNumber: boolean;
}

export class Message {
  readonly #bytes: Buffer;
  readonly #fields: Field[] = [];

  constructor(bytes: Buffer, begin: number, end: number) {
    this.#bytes = bytes;
    for (let at = begin; at < end; ) {
      const tag = readVarint(bytes, at);
      const number = Number(tag.value >> 3n);
      const field = fieldAt(bytes, tag.end, Number(tag.value & 7n));
      this.#fields.push({ number, ...field });
      at = field.end;
    }
  }

  /** 0 if it is not there. */
  number(number: number): bigint {
    const field = this.#find(number);
    return field?.isNumber === true ? readVarint(this.#bytes, field.begin).value : 0n;
  }

  /** @returns whether it fits into the place that there is */
  set(number: number, value: bigint): boolean {
    const field = this.#find(number);
    if (field === undefined || value >= 1n << BigInt(7 * (field.end - field.begin))) return false;
    for (let at = field.begin; at < field.end; at += 1) {
      const more = at + 1 < field.end ? 0x80n : 0n;
      this.#bytes[at] = Number((value & 0x7fn) | more);
      value >>= 7n;
    }
    return true;
  }

  message(number: number): Message | undefined {
    return this.messages(number).at(-1);
  }

  messages(number: number): Message[] {
    const fields = this.#fields.filter((field) => field.number === number && !field.isNumber);
    return fields.map(({ begin, end }) => new Message(this.#bytes, begin, end));
  }

  bytes(number: number): Buffer | undefined {
    const field = this.#find(number);
    return field && this.#bytes.subarray(field.begin, field.end);
  }

  #find(number: number): Field | undefined {
    return this.#fields.findLast((field) => field.number === number);
  }
}

export function entriesOf(image: Buffer): Message[] {
  const entries: Message[] = [];
  for (let at = headerBytes; at + 4 <= image.length; ) {
    const begin = at + 4;
    at = begin + image.readUInt32LE(at);
    entries.push(new Message(image, begin, at));
  }
  return entries;
}

function fieldAt(bytes: Buffer, at: number, wire: number): Omit<Field, 'number'> {
  switch (wire) {
    case 0:
      return { begin: at, end: readVarint(bytes, at).end, isNumber: true };
    case 1:
      return { begin: at, end: at + 8, isNumber: false };
    case 2: {
      const { value, end } = readVarint(bytes, at);
      return { begin: end, end: end + Number(value), isNumber: false };
    }
    case 5:
      return { begin: at, end: at + 4, isNumber: false };
    default:
      throw new Error(`no field of protocol buffers at ${at}: wire type ${wire}`);
  }
}

function readVarint(bytes: Buffer, at: number): { value: bigint; end: number } {
  let value = 0n;
  for (let shift = 0n; ; shift += 7n) {
    const byte = bytes[at];
    if (byte === undefined) throw new Error(`a number is cut off at ${at}`);
    at += 1;
    value |= BigInt(byte & 0x7f) << shift;
    if (byte < 0x80) return { value, end: at };
  }
}
