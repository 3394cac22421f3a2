/** One command to strongSwan's control socket, without the tens of milliseconds that `swanctl` takes to start. */

const encoder = new TextEncoder();

/** Gives a command with values that are texts; resolves with the first answer. */
export async function viciCommand(
  path: string,
  command: string,
  values: Readonly<Record<string, string>>,
): Promise<void> {
  using connection = await Deno.connect({ transport: "unix", path });
  const name = encoder.encode(command);
  const message = Object.entries(values).flatMap(([key, value]) => {
    const [left, right] = [encoder.encode(key), encoder.encode(value)];
    return [3, left.length, ...left, right.length >> 8, right.length & 255, ...right];
  });
  const packet = Uint8Array.of(0, name.length, ...name, ...message);
  const framed = new Uint8Array(4 + packet.length);
  new DataView(framed.buffer).setUint32(0, packet.length);
  framed.set(packet, 4);
  await connection.write(framed);
  const answer = new Uint8Array(4096);
  for (let length = 0; length < 5;) {
    const read = await connection.read(answer.subarray(length));
    if (read === null) throw new Error(`${command}: vici does not answer`);
    length += read;
  }
  if (answer[4] !== 1) throw new Error(`${command}: vici answered ${answer[4]}`);
}
