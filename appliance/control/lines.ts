/** Lines over a stream: reading with a limit, writing whole. */

/** One end of a connection. */
export interface Stream {
  read(buffer: Uint8Array): Promise<number | null>;
  write(bytes: Uint8Array): Promise<number>;
}

/** The lines of a stream; throws `RangeError` when one has more than `mostBytes` octets. */
export async function* readLines(stream: Stream, mostBytes: number): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(65_536);
  let parts: Uint8Array[] = [];
  let length = 0;
  const line = (): string => {
    const text = parts.map((part) => decoder.decode(part, { stream: true })).join("") +
      decoder.decode();
    parts = [];
    length = 0;
    return text;
  };
  for (let count = await stream.read(buffer); count !== null; count = await stream.read(buffer)) {
    let from = 0;
    for (
      let end = buffer.indexOf(10, from);
      end >= 0 && end < count;
      end = buffer.indexOf(10, from)
    ) {
      if (length + end - from > mostBytes) throw tooLong(mostBytes);
      parts.push(buffer.slice(from, end));
      yield line();
      from = end + 1;
    }
    length += count - from;
    if (length > mostBytes) throw tooLong(mostBytes);
    parts.push(buffer.slice(from, count));
  }
  if (length > 0) yield line();
}

function tooLong(mostBytes: number): RangeError {
  return new RangeError(`Cannot read a line: it has more than ${mostBytes} octets`);
}

/** Writes a value as one line of JSON. */
export async function writeLine(stream: Stream, value: unknown): Promise<void> {
  const bytes = new TextEncoder().encode(`${JSON.stringify(value)}\n`);
  for (let at = 0; at < bytes.length;) at += await stream.write(bytes.subarray(at));
}
