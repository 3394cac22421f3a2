/** Sentences for events whose words alone would puzzle a reader. All others are their own words. */

/** `{name}` stands for a fact, which then is not repeated behind the sentence. */
const sentences: Readonly<Record<string, string>> = {
  "gateway-ready": "rejoin is ready",
  "store-records-unreadable": "{records} stored sessions cannot be read and are left out",
  "restored": "{records} stored sessions may come back",
  "shutdown": "Going down: peers that cannot reconnect are told, the others stay parked",
  "forwarding-off":
    "This host forwards no packets ({settings} is 0): clients reach it and nothing behind it",
  "accounting-store-failed":
    "Accounts cannot be stored: what happens to sessions is told to servers from memory",
  "accounting-waits": "{records} accounting records wait for the next start",
  "radius-server-never-answered":
    "RADIUS server {server} has never answered: is its secret right, and does it know this host?",
  "radius-server-dead": "RADIUS server {server} is silent: it is asked last",
  "radius-server-alive": "RADIUS server {server} answers again",
  "radius-secrets-differ":
    "RADIUS server {server} gives answers with a bad authenticator: is the secret right?",
  "radius-connection-broken": "No connection to RADIUS server {server}: {reason}",
  "radius-answer-dropped": "An answer of RADIUS server {server} was dropped: {cause}",
  "portable-crypto": "Cryptography is slow here, as {reason}",
  "packets-dropped": "Packets are dropped: {cause}; from now on these are only counted",
  "internal-fault": "A broken invariant; please report this",
};

/** The sentence of an event and the facts it did not use. */
export function sentenceOf(
  event: string,
  facts: Readonly<Record<string, unknown>>,
): { readonly sentence: string; readonly rest: readonly (readonly [string, unknown])[] } {
  const template = sentences[event];
  if (template === undefined) {
    return { sentence: event, rest: Object.entries(facts) };
  }
  const used = new Set<string>();
  const sentence = template.replace(/\{(\w+)\}/g, (_, name: string) => {
    used.add(name);
    return String(facts[name]);
  });
  return { sentence, rest: Object.entries(facts).filter(([name]) => !used.has(name)) };
}
