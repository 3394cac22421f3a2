/** What the user of `rejoin connect` can do about a refusal, where its word alone does not say. */

const advice: Readonly<Record<string, string>> = {
  "gateway-has-another-identity": "its certificate has another name; say which with --remote-id",
  "gateway-certificate-no-issuer": "its certificate is not from a CA of --ca",
  "gateway-certificate-expired":
    "its certificate has expired, or the clock of this machine is wrong",
  "gateway-certificate-not-yet-valid":
    "its certificate is not valid yet, or the clock of this machine is wrong",
  "gateway-asks-for-eap": "it wants a user and a password, see --auth",
  "wrong-password": "the gateway did not take user name and password, or the answer",
  "no-password": "the gateway asks for a password, see --user and --password-file",
  "no-answer": "the gateway asks for a second factor, see --answer-file",
  "host-scan-required":
    "the gateway wants to inspect this machine first, which rejoin never allows",
  // Error notifications of RFC 7296 §3.10.1 by number.
  "notify-14": "NO_PROPOSAL_CHOSEN: compare --ike-proposal and --esp-proposal of both ends",
  "notify-24": "AUTHENTICATION_FAILED: the gateway's log says why",
  "notify-36": "INTERNAL_ADDRESS_FAILURE: the gateway has no address left",
};

/** A hint for why a connection ended; `undefined` when there is nothing to add. */
export function adviceFor(why: string): string | undefined {
  return advice[why];
}
