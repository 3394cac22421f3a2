/** Fresh private keys, as PKCS #8. Web Crypto makes them; whoever signs imports them where it likes. */

/** Kinds of keys that this program makes: P-256, or RSA with 3072 bits. */
export type KeyChoice = "ecdsa" | "rsa";

/** A fresh key. */
export async function generateKey(choice: KeyChoice): Promise<Uint8Array> {
  const pair = await crypto.subtle.generateKey(
    choice === "ecdsa" ? { name: "ECDSA", namedCurve: "P-256" } : {
      name: "RSASSA-PKCS1-v1_5",
      modulusLength: 3072,
      publicExponent: Uint8Array.of(1, 0, 1),
      hash: "SHA-256",
    },
    true,
    ["sign", "verify"],
  );
  return new Uint8Array(await crypto.subtle.exportKey("pkcs8", pair.privateKey));
}
