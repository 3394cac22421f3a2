/**
 * Group policy: what all users of a group get (`--group`), under what AAA says of each user, or over it
 * (`--group-override`, as IOS calls it).
 *
 * The group is the one that AAA names, else the one that an AnyConnect user chose. A choice is no proof:
 * what not everybody may have belongs into a group that AAA names. A group without a policy, which may be
 * meant for accounting alone, changes nothing.
 */
import type { Credential, UserAttributes, Verdict } from "../../core/mod.ts";
import type { UserVerifier, VerifyContext } from "../effects.ts";
import type { Log } from "../log.ts";
import { ToldOnce } from "./told_once.ts";
import { overlayAttributes } from "./user_attributes.ts";

/** Policies by the name of their group. */
export type Groups = ReadonlyMap<string, UserAttributes>;

/** What group policy is made from. */
export interface GroupPolicyOptions {
  readonly verifier: UserVerifier;
  readonly groups: Groups;
  /** Whether what a group says goes over what AAA says of the user. */
  readonly overrides: boolean;
  readonly log: Log;
}

/** Whoever knows the users, and what their groups add. */
export class GroupPolicy implements UserVerifier {
  readonly #options: GroupPolicyOptions;
  readonly #told = new ToldOnce();

  /** Over this verifier. */
  constructor(options: GroupPolicyOptions) {
    this.#options = options;
  }

  /** The verdict, with what the user's group says. */
  async verify(
    userName: string,
    credential: Credential,
    context: VerifyContext,
  ): Promise<Verdict> {
    const { verifier, groups, overrides } = this.#options;
    const verdict = await verifier.verify(userName, credential, context);
    if (verdict.kind !== "accept") return verdict;
    const { attributes } = verdict;
    const name = attributes.group ?? context.group;
    const group = name === undefined ? undefined : groups.get(name);
    if (group === undefined) {
      if (attributes.group !== undefined) this.#tellUnknown(userName, attributes.group);
      return verdict;
    }
    return {
      ...verdict,
      attributes: overrides
        ? overlayAttributes(group, attributes)
        : overlayAttributes(attributes, group),
    };
  }

  #tellUnknown(user: string, group: string): void {
    const { groups, log } = this.#options;
    if (groups.size === 0 || !this.#told.isNew(group)) return;
    log.tell("warning", "group-without-policy", { user, group });
  }
}
