/** What `openssl speed` says of the algorithms of a suite. */
import { finish } from "../../../tests/support/background.ts";

/** Its runs for a suite; the times of several add up. */
const runsOf: Readonly<Record<string, readonly (readonly string[])[]>> = {
  "aes128gcm16": [["-evp", "aes-128-gcm", "-aead"]],
  "aes256gcm16": [["-evp", "aes-256-gcm", "-aead"]],
  "chacha20poly1305": [["-evp", "chacha20-poly1305", "-aead"]],
  "aes128-sha256": [["-evp", "aes-128-cbc"], ["-hmac", "sha256"]],
  "aes256-sha384": [["-evp", "aes-256-cbc"], ["-hmac", "sha384"]],
  "aes256-sha512": [["-evp", "aes-256-cbc"], ["-hmac", "sha512"]],
};

/** Nanoseconds to encrypt `size` octets and protect them; `undefined` without the program. */
export async function opensslNs(suite: string, size: number): Promise<number | undefined> {
  let ns = 0;
  for (const run of runsOf[suite] ?? []) {
    const command = ["openssl", "speed", ...run, "-bytes", `${size}`, "-seconds", "1", "-mr"];
    const { stdout } = await finish(command).catch(() => ({ stdout: "" }));
    // `+F:number:name:octets a second`, the last number of the last line
    const speed = Number(/^\+F.*[: ]([\d.]+)\s*$/m.exec(stdout)?.[1]);
    if (!(speed > 0)) return undefined;
    ns += size / speed * 1e9;
  }
  return ns === 0 ? undefined : ns;
}
