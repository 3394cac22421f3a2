/** The client's memory: the pair to come back with, sealed, one for every gateway and user. */
import { type SessionPair, textOf, utf8 } from "../core/mod.ts";
import { type Kv, openPrivateKv } from "./private_kv.ts";
import { openValue, type Sealing, sealValue } from "./sealed_value.ts";
import { reasonOf, StartError } from "./start_error.ts";

/** The pairs of this machine. */
export class PairStore {
  readonly #kv: Kv;
  readonly #sealing: Sealing;
  readonly #name: string;

  private constructor(kv: Kv, sealing: Sealing, name: string) {
    this.#kv = kv;
    this.#sealing = sealing;
    this.#name = name;
  }

  /** Opens or makes the store, private to its owner; `name` says whose pair is meant. */
  static async open(path: string, sealing: Sealing, name: string): Promise<PairStore> {
    try {
      return new PairStore(await openPrivateKv(path), sealing, name);
    } catch (error) {
      throw new StartError(`Cannot open ${path}: ${reasonOf(error)}; remove it to log in anew`);
    }
  }

  /** The pair, if there is one that can be read. */
  async load(): Promise<SessionPair | undefined> {
    const { value } = await this.#kv.get(["pair", this.#name]);
    const plaintext = openValue(this.#sealing, `pair ${this.#name}`, value);
    if (plaintext === undefined) return undefined;
    const [sessionId, token, ...rest] = textOf(plaintext).split("\n");
    const isPair = sessionId !== undefined && token !== undefined && rest.length === 0;
    return isPair ? { sessionId, token } : undefined;
  }

  /** Keeps a pair in place of the former one. */
  async save({ sessionId, token }: SessionPair): Promise<void> {
    const plaintext = utf8(`${sessionId}\n${token}`);
    const sealed = sealValue(this.#sealing, `pair ${this.#name}`, plaintext);
    await this.#kv.atomic().set(["pair", this.#name], sealed).commit();
  }

  /** There is no pair any more. */
  async forget(): Promise<void> {
    await this.#kv.atomic().delete(["pair", this.#name]).commit();
  }

  /** Closes the store. */
  close(): void {
    this.#kv.close();
  }
}
